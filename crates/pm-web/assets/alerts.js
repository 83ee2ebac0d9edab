// What is told when something goes wrong, and to whom. Each change is one `pm web alert` line; secrets go in and never come back.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get, post } from "./api.js";
import { line } from "./deeds.js";
import { moment } from "./format.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

const KINDS = ["webhook", "slack", "telegram", "dingtalk", "feishu", "wecom", "mail"];
const PLACES = {
  webhook: "https://example.org/hook", slack: "https://hooks.slack.com/services/...", telegram: "https://api.telegram.org", dingtalk: "https://oapi.dingtalk.com/robot/send?access_token=...",
  feishu: "https://open.feishu.cn/open-apis/bot/v2/hook/...", wecom: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...", mail: "smtp://mail.example.org:587",
};
/** What `pm web alert set` takes for each rule that is more than a switch. @type {Record<string, string>} */
const FORMS = { restarts: "5 in 10m", memory: "500M for 5m", cpu: "90% for 10m", disk: "90%", quiet: "23:00-07:00", cap: "50", apps: "web-*,ns:shop" };

/** @type {any} what the server told of them */
let known = null;
/** @type {any} */
let wrong = null;
let asked = false;
let doubt = "";
let kind = "webhook";

async function load() {
  asked = true;
  try {
    known = await get("alerts");
    wrong = null;
  } catch (error) {
    wrong = error;
  }
  redraw();
}

/** The command line of a change, by the rule the server follows. @param {any} body */
function argv(body) {
  const { deed, name, key, value } = body;
  if (deed === "set") return ["pm", "web", "alert", "set", "--", key, value];
  const flags = deed === "add" ? ["kind", "chat", "user", "from", "to"].filter((flag) => body[flag]).map((flag) => `--${flag}=${body[flag]}`) : [];
  return ["pm", "web", "alert", deed, ...flags, "--", name];
}

/** @param {any} body @returns {Promise<boolean>} whether it went well */
async function send(body) {
  doubt = "";
  const show = (/** @type {object} */ more) => change({ strip: { argv: argv(body), ...more } });
  show({ phase: "running" });
  let well = false;
  try {
    const outcome = await post("alerts", body);
    show({ ...outcome, phase: "done" });
    well = outcome.exit === 0;
  } catch (error) {
    const { message, hint } = /** @type {any} */ (error);
    show({ phase: "refused", message, hint });
  }
  await load();
  return well;
}

/** @param {string} key @param {string} value */
const set = (key, value) => send({ deed: "set", key, value });

/** @param {[string, string]} pair */
function rule([key, value]) {
  const label = t(`alert.${key}`);
  const preview = (/** @type {string} */ to) => line(argv({ deed: "set", key, value: to }));
  if (key === "lang") {
    return html`<label class="field"><span>${label}</span><select @change=${(/** @type {any} */ event) => set(key, event.target.value)}>
      ${["en", "zh"].map((one) => html`<option value=${one} ?selected=${one === value}>${t(`alert.lang.${one}`)}</option>`)}</select></label>`;
  }
  if (!FORMS[key]) {
    return html`<label class="tick"><input type="checkbox" .checked=${value === "on"} data-line=${preview(value === "on" ? "off" : "on")} @change=${(/** @type {any} */ event) => set(key, event.target.checked ? "on" : "off")}><span>${label}</span></label>`;
  }
  const off = key === "cap" || key === "apps" ? "" : "off";
  return html`<label class="field"><span>${label}</span><input .value=${value === "off" ? "" : value} placeholder=${off ? t("alert.off", { form: FORMS[key] }) : key === "apps" ? t("access.apps.all") : FORMS[key]} spellcheck="false" autocapitalize="none"
    @change=${(/** @type {any} */ event) => set(key, event.target.value.trim() || off || (key === "cap" ? FORMS.cap : ""))}></label>`;
}

function rules() {
  const switches = known.keys.filter((/** @type {any} */ [key]) => !FORMS[key] && key !== "lang");
  const rest = known.keys.filter((/** @type {any} */ [key]) => FORMS[key] || key === "lang");
  return html`<section class="panel access"><h2>${t("alert.rules")}</h2><p class="soft">${t("alert.rules.means")}</p>
    <div class="form">${switches.map(rule)}</div><div class="form">${rest.map(rule)}</div></section>`;
}

/** @param {any} one */
function channelRow(one) {
  const gone = { deed: "remove", name: one.name };
  const sure = doubt === one.name;
  const press = () => {
    if (sure) void send(gone);
    else {
      doubt = one.name;
      redraw();
    }
  };
  const test = { deed: "test", name: one.name };
  return html`<tr><th scope="row">${one.name}</th><td>${t(`alert.kind.${one.kind}`)}</td><td>${one.place}</td><td>${one.to}</td>
    <td class="end"><button class="link" data-line=${line(argv(test))} aria-label=${t("list.deed", { deed: t("alert.test"), name: one.name })} @click=${() => send(test)}>${t("alert.test")}</button>
      <button class="link ${sure ? "bad" : ""}" data-line=${line(argv(gone))} aria-label=${t("list.deed", { deed: t(sure ? "access.sure" : "access.remove"), name: one.name })} @click=${press}>${t(sure ? "access.sure" : "access.remove")}</button></td></tr>`;
}

/** What an ecosystem file says is changed there; here it is shown, and its channels are tried. @param {any} one */
function filed(one) {
  const test = (/** @type {string} */ name) => ({ deed: "test", name });
  const head = t("alert.file", { apps: one.apps.join(", ") });
  return html`<section class="panel access" aria-label=${one.file}><h2>${head}</h2><p class="soft"><code>${one.file}</code><br>${t("alert.file.means")}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${head}><table class="small"><tbody>
      ${one.channels.map((/** @type {any} */ each) => html`<tr><th scope="row">${each.name}</th><td>${t(`alert.kind.${each.kind}`)}</td><td>${each.place}</td><td>${each.to}</td>
        <td class="end"><button class="link" data-line=${line(argv(test(each.name)))} aria-label=${t("list.deed", { deed: t("alert.test"), name: each.name })} @click=${() => send(test(each.name))}>${t("alert.test")}</button></td></tr>`)}</tbody></table></div>
    <p class="soft">${one.keys.filter((/** @type {string[]} */ [, value]) => value !== "off").map((/** @type {string[]} */ [key, value]) => html`<span class="tag">${t(`alert.${key}`)}${value === "on" ? "" : ` ${value}`}</span> `)}</p></section>`;
}

/** @param {SubmitEvent} event */
async function add(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const given = Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, String(value).trim()]));
  if (await send({ deed: "add", ...given })) form.reset();
}

/** @param {string} name @param {string} word @param {string} hint @param {boolean} required */
const input = (name, word, hint, required) => html`<label class="field"><span>${word}</span><input name=${name} placeholder=${hint} ?required=${required} autocomplete="off" autocapitalize="none" spellcheck="false" type=${name === "secret" ? "password" : "text"}></label>`;

function channels() {
  const list = known.channels;
  const isMail = kind === "mail";
  const secret = { telegram: "alert.token", mail: "signin.password" }[kind] ?? "alert.secret";
  return html`<section class="panel access"><h2>${t("alert.channels")}</h2>
    ${list.length === 0 ? html`<p class="soft">${t("alert.channels.none")}</p>` : html`<div class="scroll" tabindex="0" role="group" aria-label=${t("alert.channels")}><table class="small">
      <thead><tr><th scope="col">${t("access.name")}</th><th scope="col">${t("alert.kind")}</th><th scope="col">${t("alert.place")}</th><th scope="col">${t("alert.to")}</th><th><span class="unseen">${t("list.acts")}</span></th></tr></thead>
      <tbody>${list.map(channelRow)}</tbody></table></div>`}
    <form @submit=${add}>
      <label class="field"><span>${t("alert.kind")}</span><select name="kind" @change=${(/** @type {any} */ event) => {
        kind = event.target.value;
        redraw();
      }}>${KINDS.map((one) => html`<option value=${one} ?selected=${one === kind}>${t(`alert.kind.${one}`)}</option>`)}</select></label>
      ${input("name", t("access.name"), "", true)}
      ${input("url", t("alert.url"), PLACES[/** @type {keyof typeof PLACES} */ (kind)], kind !== "telegram")}
      ${["slack", "wecom"].includes(kind) ? nothing : input("secret", t(secret), "", kind === "telegram")}
      ${kind === "telegram" ? input("chat", t("alert.chat"), "-1001234", true) : nothing}
      ${isMail ? html`${input("user", t("alert.user"), "", false)}${input("from", t("alert.from"), "pm@example.org", true)}${input("to", t("alert.to"), "ann@example.org", true)}` : nothing}
      <button class="plain" data-line=${`pm web alert add --kind=${kind} -- NAME`}>${t("alert.add")}</button></form>
    <p class="soft">${t("alert.secrets")}</p></section>`;
}

/** @param {any} one */
function toldRow(one) {
  const ends = Object.entries(one.channels);
  return html`<li><span class="said">${one.text}</span><small>${moment(one.at_ms)} ${ends.map(([name, end]) => html`<span class=${end === "ok" ? "good" : "bad"}>${name}: ${end === "ok" ? t("strip.done") : end} </span>`)}</small></li>`;
}

/** What is being asked for is forgotten with the screen. */
export function leaveAlerts() {
  asked = false;
  doubt = "";
}

export function alertsScreen() {
  if (!asked && state.stage === "in") void load();
  return html`<div class="title"><h1 tabindex="-1">${t("frame.alerts")}</h1></div>
    ${wrong ? html`<p class="note bad" role="alert">${wrong.message}${wrong.hint ? html`<br>${wrong.hint}` : nothing}</p>` : nothing}
    ${known === null ? (wrong ? nothing : html`<div class="waiting"><i></i><i></i></div>`) : html`${channels()}${rules()}${known.files.map(filed)}
      <section class="panel"><h2>${t("alert.told")}</h2>${known.told.length === 0 ? html`<p class="soft">${t("alert.told.none")}</p>` : html`<ul class="ends" tabindex="0" aria-label=${t("alert.told")}>${known.told.map(toldRow)}</ul>`}</section>`}`;
}
