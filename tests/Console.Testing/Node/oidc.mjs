// An OpenID Connect provider without a login form. Prints its issuer; each line of JSON on stdin becomes the claims of the tokens that follow.
import { createInterface } from 'node:readline';
import { Events, OAuth2Server } from 'oauth2-mock-server';

let claims = {};
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.service.on(Events.BeforeTokenSigning, token => Object.assign(token.payload, claims));
await server.start(0, 'localhost');
console.log(JSON.stringify({ issuer: server.issuer.url }));
createInterface({ input: process.stdin })
  .on('line', line => { claims = JSON.parse(line); console.log(JSON.stringify({ set: true })); })
  .on('close', () => process.exit(0));
