// Azure Blob Storage's emulator, in memory, on a port of its own choice. Prints its address; ends with its stdin.
const log = console.log;
console.log = text => {
  const address = /listens on (\S+)/.exec(text);
  if (address) log(JSON.stringify({ address: address[1] }));
};
process.argv.push('--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent');
require('azurite/dist/src/blob/main.js');
process.stdin.resume().on('close', () => process.exit(0));
