// The daemon says why in English; the usual sentences are said in the language of the page, the rest as they came.

import { known, t } from "./words.js";

/** Sentence, and the key of its words; groups are named as there. @type {[RegExp, string][]} */
const SENTENCES = [
  [/^gave up after (?<n>\d+) short runs in a row; the last one (?<last>.+)$/, "reason.loop"],
  [/^(?:a failure|(?<n>\d+) failures in a row) before this run; it (?:was )?(?<last>.+)$/, "reason.failing"],
  [/^ended with code 0 (?<n>\d+) times in (?<span>\w+): `autorestart: false` /, "reason.round.done"],
  [/^restarted for its memory \(limit (?<limit>\S+)\) (?<n>\d+) times in (?<span>\w+): /, "reason.round.memory"],
  [/^restarted for a change of (?<path>.+) (?<n>\d+) times in (?<span>\w+): /, "reason.round.file"],
  [/^restarted for it was unhealthy (?<n>\d+) times in (?<span>\w+): /, "reason.round.unhealthy"],
  [/^(?<last>(?:exited|killed|ended) .+) (?<n>\d+) times in (?<span>\w+): `pm why` /, "reason.round"],
  [/^waits (?<span>\S+): (?:a failure|(?<n>\d+) failures in a row)$/, "reason.pause"],
  [/^waits (?<span>\S+): (?:a short run|(?<n>\d+) short runs)$/, "reason.pause.short"],
  [/^waits (?<span>\S+): it failed and is tried again, (?<n>\d+) of (?<all>\d+)$/, "reason.pause.retry"],
  [/^waits (?<span>\S+): the machine is short of something$/, "reason.pause.shortage"],
  [/^waits (?<span>\S+): the pause its config asks for$/, "reason.pause.asked"],
  [/^waits (?<span>\S+): it failed before its counters were reset$/, "reason.pause.reset"],
  [/^its output (?<fate>is lost|waits), for (?<log>.+) takes nothing: (?<last>.+)$/, "reason.output"],
  [/^last health check: (?<saw>.+)$/, "reason.checked"],
  [/^not ready yet: (?<saw>.+)$/, "reason.notyet"],
  [/^it depends on (?<app>[^:]+): (?<last>.+)$/, "reason.depends"],
  [/^it is not started$/, "reason.notstarted"],
  [/^its last run failed: (?<last>.+)$/, "reason.job"],
  [/^exited with code (?<code>\d+)$/, "reason.exit"],
  [/^killed by (?<signal>\w+), core dumped$/, "reason.dumped"],
  [/^killed by (?<signal>\w+)$/, "reason.signal"],
  [/^stopped by a command$/, "reason.stopped"],
  [/^restarted by a command$/, "reason.restarted"],
  [/^stopped by (?<who>.+)$/, "reason.stopped.by"],
  [/^restarted by its schedule$/, "reason.schedule"],
  [/^memory (?<used>\S+) > limit (?<limit>\S+)$/, "reason.memory"],
  [/^took longer than it may: (?<limit>\S+) \(time_limit\)$/, "reason.long"],
  [/^did not say within (?<within>\S+) that it is ready$/, "reason.silent"],
  [/^not ready within (?<within>\S+): (?<saw>.+)$/, "reason.unready"],
  [/^unhealthy: (?<saw>.+)$/, "reason.unhealthy"],
  [/^ended while nobody was there to see how$/, "reason.unseen"],
  [/^does not end although killed$/, "reason.unkillable"],
  [/^stopped with the manager$/, "reason.shutdown"],
  [/^it was run by (?<by>.+): `(?<cure>.+)`$/, "cause.module"],
  [/^it was run by (?<by>.+), but a virtual environment lies in (?<venv>.+)$/, "cause.venv"],
  [/^it was run by (?<by>[^:,]+)$/, "cause.by"],
  [/^`(?<name>.+)` is not in node_modules: `(?<cure>.+)` in (?<folder>.+)$/, "cause.node"],
  [/^somebody killed it, or the kernel for want of memory: `dmesg \| grep -i oom` tells which$/, "cause.killed"],
  [/^it broke in native code: /, "cause.native"],
  [/^127 is a shell's word for a program that is not in PATH$/, "cause.path"],
  [/^126 is a shell's word for a file that can't be executed$/, "cause.executable"],
  [/^what is written in (?<place>.+) can't be read; nothing of it ran$/, "cause.syntax"],
  [/^the variable (?<name>\w+) is not set: `(?<cure>.+)` sets it$/, "cause.variable"],
  [/^a disk is full: `df -h` tells which; `(?<cure>.+)` empties logs$/, "cause.disk"],
];

/** @param {string} said @returns {string} */
export function reason(said) {
  for (const [sentence, key] of SENTENCES) {
    const found = sentence.exec(said);
    if (!found || !(known(key) || known(`${key}.other`))) continue;
    /** @type {Record<string, any>} */
    const values = { ...found.groups };
    // One is said without its number.
    if ("n" in values) values.n = Number(values.n ?? 1);
    if (values.fate) values.fate = t(`reason.output.${values.fate === "waits" ? "waits" : "lost"}`);
    if (values.last) values.last = reason(values.last);
    return t(key, values);
  }
  return said;
}
