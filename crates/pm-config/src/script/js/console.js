// `console`: everything is talk and goes to standard error.
({ process, absent, require }) => {
  const say = (...values) => {
    process.stderr.write(values.length === 0 ? '\n' : `${require('util').format(...values)}\n`);
  };
  const quiet = () => {};
  return absent('console', {
    log: say, info: say, warn: say, error: say, debug: say, trace: say, dir: (value) => say(value), table: (value) => say(value),
    group: (...values) => { if (values.length > 0) say(...values); }, groupEnd: quiet, groupCollapsed: say,
    time: quiet, timeEnd: quiet, timeLog: quiet, count: quiet, countReset: quiet, clear: quiet,
    assert: (holds, ...values) => { if (!holds) say('Assertion failed:', ...values); },
  });
}
