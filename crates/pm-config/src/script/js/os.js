// `os`, from what the kernel tells in files.
({ host, facts, process, absent }) => {
  const line = (file) => host('open', file).trim();
  const memory = (name) => Number(line('/proc/meminfo').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]) * 1024;
  const user = () => host('user', facts.uid);
  return absent('os', {
    EOL: '\n', devNull: '/dev/null',
    arch: () => process.arch, platform: () => process.platform, endianness: () => 'LE', machine: () => facts.machine,
    type: () => (process.platform === 'darwin' ? 'Darwin' : 'Linux'),
    release: () => line('/proc/sys/kernel/osrelease'), version: () => line('/proc/sys/kernel/version'),
    hostname: () => line('/proc/sys/kernel/hostname'),
    homedir: () => process.env.HOME || user().homedir,
    tmpdir: () => (process.env.TMPDIR || process.env.TMP || process.env.TEMP || '/tmp').replace(/(?<=.)\/$/, ''),
    cpus: () => Array.from({ length: facts.cpus }, () => ({ model: 'unknown', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } })),
    availableParallelism: () => facts.cpus,
    totalmem: () => memory('MemTotal'), freemem: () => memory('MemAvailable'),
    loadavg: () => line('/proc/loadavg').split(' ').slice(0, 3).map(Number),
    uptime: () => Number(line('/proc/uptime').split(' ')[0]),
    userInfo: () => ({ uid: facts.uid, gid: facts.gid, ...user() }),
  });
}
