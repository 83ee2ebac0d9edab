// A part of a drawing that stays as it is for as long as all that it is made of does.

import { noChange } from "./vendor/lit/lit-html.js";
import { Directive, directive } from "./vendor/lit/directive.js";

class Kept extends Directive {
  /** @type {unknown[]} */
  of = [];

  /**
   * @param {unknown[]} of what it is made of; what is left out at the end is not looked at
   * @param {() => unknown} make
   */
  render(of, make) {
    if (this.of.length > 0 && of.every((one, at) => one === this.of[at])) return noChange;
    this.of = of;
    return make();
  }
}

export const kept = directive(Kept);
