/** What is changed in the docstrings between reading and writing them. */
import {
  Comment,
  type CommentDisplayPart,
  DeclarationReflection,
  NamedTupleMember,
  type ParameterReflection,
  type ProjectReflection,
  ReflectionFlag,
  ReflectionKind,
  ReflectionType,
  type SignatureReflection,
  TupleType,
} from 'typedoc';

/** What layers tell the graph, which is no business of their users. */
const INTERNAL = new Set([
  ...['connect', 'run', 'runBackward', 'verify', 'maxInputs', 'isReLU', 'reluEpilogue'],
]);

/**
 * Shows a member once, in the class that declares it: in classes derived from a documented one it is
 * replaced by its name in a list, with a link.
 */
export function foldInherited(project: ProjectReflection): void {
  const classes = project
    .getReflectionsByKind(ReflectionKind.Class)
    .filter((reflection) => reflection instanceof DeclarationReflection);
  const owners = new Map<unknown, DeclarationReflection>();
  for (const owner of classes) {
    for (const member of owner.children ?? []) {
      const symbol = symbolOf(project, member);
      if (symbol && !member.inheritedFrom) owners.set(symbol, owner);
    }
  }
  for (const derived of classes) {
    const lists = new Map<DeclarationReflection, string[]>();
    for (const member of [...(derived.children ?? [])]) {
      const owner = member.inheritedFrom && owners.get(symbolOf(project, member));
      delete member.inheritedFrom; // its base is not public, or named above
      delete member.overwrites;
      for (const signature of member.getAllSignatures()) {
        delete signature.inheritedFrom;
        delete signature.overwrites;
      }
      if (member.kindOf(ReflectionKind.Constructor)) continue;
      if (INTERNAL.has(member.name)) project.removeReflection(member);
      else if (owner && owner !== derived) {
        if (!member.name.startsWith('[')) {
          lists.set(owner, [...(lists.get(owner) ?? []), member.name]);
        }
        project.removeReflection(member);
      }
    }
    for (const [owner, names] of lists) note(derived, owner, names);
  }
}

function symbolOf(project: ProjectReflection, member: DeclarationReflection): string | undefined {
  const id = project.getSymbolIdFromReflection(member);
  return id && `${id.fileName}:${id.qualifiedName}:${id.pos}`;
}

function note(derived: DeclarationReflection, owner: DeclarationReflection, names: string[]): void {
  derived.comment ??= new Comment();
  derived.comment.summary.push(
    { kind: 'text', text: '\n\nInherited from ' },
    { kind: 'inline-tag', tag: '@link', target: owner, text: owner.name },
    { kind: 'text', text: `: ${names.map((name) => `\`${name}\``).join(', ')}.` },
  );
}

/**
 * Gives a destructured parameter the name that its docstring uses, and moves what
 * `@param options.strict` says to the option, or into the parameter's text.
 */
export function gatherOptions(project: ProjectReflection): void {
  const signatures = project.getReflectionsByKind(ReflectionKind.SomeSignature);
  for (const signature of signatures as SignatureReflection[]) {
    const { comment, parameters = [] } = signature;
    unpackRest(parameters.at(-1));
    const tags = comment?.getTags('@param') ?? [];
    for (const { name = '' } of tags) {
      const [parent = ''] = name.split('.');
      if (parameters.some((parameter) => parameter.name === parent)) continue;
      const unnamed = parameters.find((parameter) => parameter.name.startsWith('__'));
      if (unnamed) unnamed.name = parent;
    }
    for (const parameter of parameters) {
      if (parameter.name.startsWith('__')) parameter.name = 'options';
    }
    if (!comment) continue;
    comment.removeTags('@param');
    for (const tag of tags) {
      const [parent, option] = tag.name?.split('.') ?? [];
      const parameter = parameters.find(({ name }) => name === parent);
      if (option === undefined && !parameter)
        comment.blockTags.push(tag); // TypeDoc complains
      else if (option === undefined) parameter!.comment ??= new Comment([...tag.content]);
      else if (parameter) describeOption(parameter, option, tag.content); // or an overload without
    }
  }
}

/** `...rest: [options?: T]`, which counts arguments, is `options?: T` to readers. */
function unpackRest(last: ParameterReflection | undefined): void {
  if (!last?.flags.isRest || !(last.type instanceof TupleType)) return;
  const [member, ...more] = last.type.elements;
  if (!(member instanceof NamedTupleMember) || more.length > 0) return;
  last.name = member.name;
  last.type = member.element;
  last.setFlag(ReflectionFlag.Rest, false);
  last.setFlag(ReflectionFlag.Optional, member.isOptional);
}

function describeOption(
  parameter: ParameterReflection,
  option: string,
  content: CommentDisplayPart[],
): void {
  if (parameter.type instanceof ReflectionType) {
    const property = parameter.type.declaration.children?.find(({ name }) => name === option);
    if (property) {
      property.comment = new Comment([...content]);
      return;
    }
  }
  parameter.comment ??= new Comment();
  const { summary } = parameter.comment;
  summary.push({ kind: 'text', text: `${summary.length > 0 ? '; ' : ''}\`${option}\`: ` });
  summary.push(...content);
}

/** Puts equations, which are indented in docstrings, into code blocks, and escapes what Vue would read. */
export function fenceEquations(project: ProjectReflection): void {
  for (const reflection of Object.values(project.reflections)) {
    const { comment } = reflection;
    if (!comment) continue;
    fenceIn(comment.summary);
    for (const { content } of comment.blockTags) fenceIn(content);
  }
}

function fenceIn(parts: CommentDisplayPart[]): void {
  for (const part of parts) {
    if (part.kind === 'text') part.text = fenced(part.text);
  }
}

/** Paragraphs that are indented, as code blocks. */
export function fenced(text: string): string {
  return text
    .split('\n\n')
    .map((paragraph) => {
      const lines = paragraph.replace(/^\n+|\n+$/g, '').split('\n');
      if (!lines.every((line) => /^ {2,}\S/.test(line))) return paragraph;
      return `\`\`\`text\n${lines.map((line) => line.slice(2)).join('\n')}\n\`\`\``;
    })
    .join('\n\n');
}
