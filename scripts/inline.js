/**
 * An asc transform: a function whose doc comment carries the tag `@inline` gets AssemblyScript's
 * decorator of that name. So the sources stay plain TypeScript that any tool can parse and format
 * (a decorator on a function is not).
 *
 * And the other way round: Binaryen, which would put small functions everywhere they are called, leaves
 * those named `…Partial` alone. A tail runs once a loop, and there are two hundred of them.
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
        if (statement.kind !== NodeKind.FunctionDeclaration) continue;
        if (!INLINE.test(source.text.slice(0, statement.range.start))) continue;
        const name = Node.createIdentifierExpression('inline', statement.range);
        statement.decorators = [Node.createDecorator(name, null, statement.range)];
      }
    }
  }

  afterCompile(module) {
    binaryen.setPassArgument('no-inline', '*Partial*');
    module.runPasses(['no-inline']);
    binaryen.setPassArgument('no-inline', null);
  }
}
