// The shapes that travel between the page and the server, for editors; nothing here runs.

/**
 * One instance, as the server shows it. Times in ms since 1970, memory in bytes, cpu in percent.
 * @typedef {object} Row
 * @property {number} id
 * @property {string} name
 * @property {string} namespace
 * @property {number} instance
 * @property {number} instances
 * @property {string} status
 * @property {number|null} pid
 * @property {number|null} since_ms
 * @property {number} restarts
 * @property {number|null} cpu
 * @property {number|null} memory
 * @property {number[]} ports
 * @property {string|null} note
 * @property {string|null} why a word: `gave_up`, ...
 * @property {string|null} [waits_for]
 * @property {{next_ms: number|null, last_ok: boolean|null}|null} [job]
 * @property {string|null} [health]
 * @property {string|null} [kind]
 */

/**
 * All instances of one name: a line of the list.
 * @typedef {object} Group
 * @property {string} name
 * @property {string} namespace
 * @property {Row[]} rows
 * @property {string} status the worst of theirs
 * @property {number} up how many are up
 * @property {number|null} cpu
 * @property {number|null} memory
 * @property {number} restarts
 * @property {number|null} since
 * @property {number[]} ports
 * @property {string|null} why what the daemon says
 * @property {string|null} code the same in a word
 * @property {string|null} waitsFor
 * @property {string} stamp all but its figures
 */

/**
 * One line of a log; `text` keeps SGR colours and no other escape.
 * @typedef {object} Line
 * @property {string} app
 * @property {number} id
 * @property {"out"|"err"} stream
 * @property {number|null} at_ms
 * @property {string} text
 */

/**
 * How a command ended.
 * @typedef {object} Outcome
 * @property {string[]} argv
 * @property {number} exit
 * @property {string} out
 * @property {string} err
 */

/**
 * Who is signed in, and where.
 * @typedef {object} Session
 * @property {string} name
 * @property {"viewer"|"operator"|"admin"} role
 * @property {string} [host]
 * @property {string} [user]
 * @property {boolean} [root]
 * @property {string} [version]
 */

export {};
