#!/usr/bin/env node
// A custom handler that executes the command in its binding.
const fs = require('fs'), http = require('http');

if (process.env.CRASH_ON_START) process.exit(1);
if (process.env.NEVER_LISTEN) return setInterval(() => {}, 1000);

const json = (res, value) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(value));
};

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', chunk => chunks.push(chunk));
  req.on('end', () => {
    if (req.url === '/') return res.writeHead(404).end();
    const body = Buffer.concat(chunks).toString();
    const seen = { method: req.method, url: req.url, headers: req.rawHeaders, body: body.slice(0, 9999) };
    fs.appendFileSync('requests', JSON.stringify(seen) + '\n');
    if (req.url.startsWith('/api/dies') && !fs.existsSync('died')) {
      fs.writeFileSync('died', '');
      process.exit(1);
    }
    if (req.url.startsWith('/api/waits')) return;
    if (/^\/api/i.test(req.url)) {
      res.writeHead(418, { 'X-Handler': 'yes' });
      return res.end('proxied ' + body);
    }
    const { timer, word: encoded } = JSON.parse(body).Data;
    if (timer && process.env.TIMERS_WAIT) return setTimeout(() => json(res, {}), Number(process.env.TIMERS_WAIT));
    const word = Buffer.from(encoded ?? 'b2s=', 'base64').toString();
    const [verb, number] = word.split(' ');
    switch (verb) {
      case 'empty': return res.end();
      case 'refuse': return res.writeHead(500).end();
      case 'wait': return setTimeout(() => json(res, {}), Number(number));
      case 'exit': console.error('last words'); return process.exit(Number(number));
      case 'print':
        console.log('to stdout');
        console.error('a Warning');
        console.error('an accident');
        console.log('LanguageWorkerConsoleLogquiet');
        return json(res, {});
      case 'environment':
        return json(res, { ReturnValue: { env: process.env, argv: process.argv.slice(2), cwd: process.cwd() } });
      default: return json(res, { Outputs: {}, Logs: ['did it'], ReturnValue: body.length });
    }
  });
});
// By default, Node.js closes a connection that is idle for five seconds. On a busy machine the host could send
// on it at that moment. The real handler never closes an idle connection.
server.keepAliveTimeout = 0;
server.listen(process.env.FUNCTIONS_CUSTOMHANDLER_PORT, '127.0.0.1');
