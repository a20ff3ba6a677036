/**
 * An asc transform that decides which functions are inlined.
 *
 * - A function whose doc comment has the tag `@inline` gets AssemblyScript's decorator of that name. A
 *   decorator on a function is not TypeScript; a tag leaves the sources to any tool that reads TypeScript.
 * - Every method of an `@unmanaged` class is inlined, without a tag. Such a class is an operation, whose
 *   methods are the body of a loop (assembly/elementwise.ts, assembly/reduce.ts): a call there would cost
 *   more than the arithmetic.
 * - A function named `…Partial` is never inlined. It handles the tail of a loop, which runs once, and it
 *   is called in two hundred places.
 */
import { Node, NodeKind } from 'assemblyscript';
import binaryen from 'assemblyscript/binaryen';
import { Transform } from 'assemblyscript/transform';

const INLINE = /\/\*\*(?:(?!\*\/)[\s\S])*@inline(?:(?!\*\/)[\s\S])*\*\/\s*(?:export\s+)?$/;

export default class InlineTag extends Transform {
  afterParse(parser) {
    for (const source of parser.sources) {
      if (source.isLibrary) continue;
      for (const statement of source.statements) {
        if (statement.kind === NodeKind.FunctionDeclaration) {
          if (INLINE.test(source.text.slice(0, statement.range.start))) decorate(statement);
        } else if (statement.kind === NodeKind.ClassDeclaration && isUnmanaged(statement)) {
          for (const member of statement.members) {
            if (member.kind === NodeKind.MethodDeclaration) decorate(member);
          }
        }
      }
    }
  }

  afterCompile(module) {
    binaryen.setPassArgument('no-inline', '*Partial*');
    module.runPasses(['no-inline']);
    binaryen.setPassArgument('no-inline', null);
  }
}

function isUnmanaged({ decorators }) {
  return decorators?.some(({ name }) => name.text === 'unmanaged');
}

function decorate(declaration) {
  const name = Node.createIdentifierExpression('inline', declaration.range);
  declaration.decorators = [Node.createDecorator(name, null, declaration.range)];
}
