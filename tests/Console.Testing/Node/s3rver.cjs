// An S3-compatible store that checks neither secrets nor checksums. Prints its address; ends with its stdin.
const S3rver = require('s3rver');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const directory = mkdtempSync(join(tmpdir(), 'opsconsole-s3rver-'));
const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, allowMismatchedSignatures: true, configureBuckets: [{ name: 'backups' }] });
server.run().then(at => console.log(JSON.stringify({ address: `http://127.0.0.1:${at.port}` })));
process.stdin.resume().on('close', () => {
  rmSync(directory, { recursive: true });
  process.exit(0);
});
