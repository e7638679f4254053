// A server of Node, which ends as its documentation advises: no new connections, then those that are there.
const http = require('node:http');
const fs = require('node:fs');
const version = fs.readFileSync(`${__dirname}/VERSION`, 'utf8').trim();

const server = http.createServer((request, response) => {
  response.end(`version=${version} pid=${process.pid} greeting=${process.env.GREETING} node_env=${process.env.NODE_ENV}\n`);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
