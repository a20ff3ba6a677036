/**
 * Reads the AssemblyScript sources and writes, as JSON, each exported function with its parameters, and
 * each class, which is a struct of sizes that kernels take by pointer.
 *
 *   node scripts/signatures.js assembly build/strict.json
 *
 * The compiler's bindings have `usize` for every pointer. Only the sources have the aliases, such as
 * `type InvStd = usize`, which give a pointer its own brand, and the fields of structs.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommonFlags, NodeKind, newOptions, newProgram, parse } from 'assemblyscript';

const [root, outFile] = process.argv.slice(2);
const program = newProgram(newOptions());
for (const file of readdirSync(root, { recursive: true })) {
  if (file.endsWith('.ts')) parse(program, readFileSync(join(root, file), 'utf8'), file, true);
}

const functions = {};
const structs = {};
const nameOf = (type) => type?.name?.identifier?.text;
for (const { statements } of program.sources) {
  for (const statement of statements) {
    const name = statement.name?.text;
    if (statement.kind === NodeKind.FunctionDeclaration) {
      if (!statement.is(CommonFlags.Export)) continue;
      if (name in functions) throw new Error(`assembly/ exports two functions named ${name}`);
      const { parameters, returnType } = statement.signature;
      functions[name] = {
        parameters: parameters.map(({ name, type }) => [name.text, nameOf(type)]),
        result: nameOf(returnType),
      };
    } else if (statement.kind === NodeKind.ClassDeclaration) {
      const fields = statement.members.filter(({ kind }) => kind === NodeKind.FieldDeclaration);
      if (fields.length === 0) continue;
      structs[name] = fields.map(({ name, type }) => [name.text, nameOf(type)]);
    }
  }
}
writeFileSync(outFile, JSON.stringify({ functions, structs }));
