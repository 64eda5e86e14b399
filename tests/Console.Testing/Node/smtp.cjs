// A mail server that keeps nothing: prints its port, then each message as a line of JSON. A line "fail N" on stdin makes it refuse the next N messages.
const { createInterface } = require('node:readline');
const { SMTPServer } = require('smtp-server');

let failures = 0;
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onData(stream, session, callback) {
    const parts = [];
    stream.on('data', part => parts.push(part));
    stream.on('end', () => {
      if (failures > 0) {
        failures--;
        console.log(JSON.stringify({ refused: true }));
        return callback(Object.assign(new Error('Try again later'), { responseCode: 451 }));
      }
      console.log(JSON.stringify({ to: session.envelope.rcptTo.map(r => r.address), text: Buffer.concat(parts).toString() }));
      callback();
    });
  },
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.server.address().port })));
createInterface({ input: process.stdin })
  .on('line', line => { failures = Number(line.split(' ')[1]); console.log(JSON.stringify({ set: true })); })
  .on('close', () => process.exit(0));
