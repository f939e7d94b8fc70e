// Makes `npm install --package-lock-only` of this folder a lock for every system: node lock.mjs FROM TO.
import { readFileSync, writeFileSync } from "node:fs";

const [from, to] = process.argv.slice(2);
const lock = JSON.parse(readFileSync(from, "utf8"));
const systems = /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)/;
const processors = /(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)/;

for (const [place, found] of Object.entries(lock.packages)) {
  // Lock files name no host: not even those where one may give their authors money.
  delete found.funding;
  // A mirror of the registry may lack what other systems need; `npm ci` refuses a lock that does not name it.
  for (const [name, version] of Object.entries(found.optionalDependencies ?? {})) {
    const own = `node_modules/${name}`;
    const [system, processor] = [name.match(systems)?.[1], name.match(processors)?.[1]];
    if (own in lock.packages || place === "" || system === undefined || processor === undefined) continue;
    const libc = system === "linux" ? { libc: [name.includes("musl") ? "musl" : "glibc"] } : {};
    lock.packages[own] = {
      version,
      cpu: [processor],
      ...(found.dev ? { dev: true } : {}),
      ...libc,
      optional: true,
      os: [system],
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(to, `${JSON.stringify(lock, null, 2)}\n`);
