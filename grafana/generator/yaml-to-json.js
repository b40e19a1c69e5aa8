// Prints the given YAML files as one JSON object by name, for programs that cannot read YAML.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const read = (path) => [path, parse(readFileSync(path, 'utf8'))];
process.stdout.write(JSON.stringify(Object.fromEntries(process.argv.slice(2).map(read))));
