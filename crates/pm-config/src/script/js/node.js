// Runs a config in `node` and writes what it exports to a descriptor of its own: standard output belongs to nobody here.
// Arguments: the descriptor, the config, our program, then what `process.argv` goes on with.
const { writeSync } = require('node:fs');
const { pathToFileURL } = require('node:url');

const [descriptor, config, program, ...rest] = process.argv.slice(1);
process.argv = [process.execPath, program, ...rest];

const tell = (answer) => {
  let left = Buffer.from(`${answer}\n`);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(Number(descriptor), left));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};

const isPromise = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function';

const evaluate = async () => {
  let value = await import(pathToFileURL(config).href);
  for (let depth = 0; depth < 2 && value?.default !== undefined && (depth === 0 || value.__esModule); depth += 1) value = value.default;
  for (let depth = 0; depth < 8 && (isPromise(value) || typeof value === 'function'); depth += 1) {
    value = isPromise(value) ? await value : value();
  }
  return JSON.stringify({ value, env: process.env });
};

// Not everything that can be thrown has a text.
const described = (thrown) => {
  try {
    return String(thrown);
  } catch {
    return 'an object without text';
  }
};

const failure = (error) => {
  const thrown = error instanceof Error;
  return JSON.stringify({
    error: {
      name: thrown ? described(error.name) : '', message: described(thrown ? error.message : error),
      stack: thrown ? described(error.stack ?? '') : '',
    },
  });
};

process.on('uncaughtException', (error) => {
  tell(failure(error));
  process.exit(1);
});
evaluate().catch(failure).then((answer) => {
  tell(answer);
  process.exit(0);
});
