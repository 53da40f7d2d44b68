/** The text of `sync.ts`: the context of the app, and where a request's company is. */
import type ts from 'typescript';
import type { Project } from '../../audit/model.js';
import type { Edits, Ending } from './edits.js';
import { specifier } from './edits.js';
import { careful, type Found } from './session.js';
import type { contextOf } from './trpc.js';

interface Said {
  project: Project;
  edits: Edits;
  ending: Ending;
  /** Absolute; where it will lie. */
  file: string;
  context: ReturnType<typeof contextOf>;
  company: Found;
  user: Found;
}

export function syncText({ project, edits, ending, file, context, company, user }: Said): string {
  const imports = context ? importsOf(project, edits, context, file, ending) : [];
  const type = context ? typeText(project, context.type) : '';
  const guessed = [...(company.uses === 0 ? ['the company'] : []), ...(user.uses === 0 ? ['the user'] : [])];
  const note = guessed.length === 0 ? '' : `    // To be said: where your context has ${guessed.join(' and ')}.\n`;
  return `// sync.ts: who broadcasts. Rules say once what each action carries beside its query paths.
import { createSync } from 'pathcast/trpc';
${imports.map((line) => `${line};\n`).join('')}
export const sync = createSync${type === '' ? '' : `<${type}>`}({
  rules: {
${note}    companyId: ({ ctx }) => ${careful(company.way)},
    userId: ({ ctx }) => ${careful(user.way)},
    clientId: null, // or where an action says which of the company's clients it is about
  },
});
`;
}

/** tRPC takes the function that makes the context for the context that it makes. */
function typeText({ ts }: Project, type: ts.TypeNode): string {
  return ts.isTypeQueryNode(type) ? `Awaited<ReturnType<${type.getText()}>>` : type.getText();
}

/** What the context's type names, as imports; what its file does not export yet, it does from now on. */
function importsOf({ ts }: Project, edits: Edits, { type, file }: NonNullable<Said['context']>, target: string, ending: Ending): string[] {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !ts.isPropertyAssignment(node.parent) && !ts.isPropertySignature(node.parent)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(type);
  const lines: string[] = [];
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement) && ts.isStringLiteral(statement.moduleSpecifier)) {
      const named = statement.importClause?.namedBindings;
      if (!named || !ts.isNamedImports(named)) continue;
      const from = statement.moduleSpecifier.text;
      const way = from.startsWith('.') ? moved(from, file.fileName, target) : from;
      for (const one of named.elements) if (names.has(one.name.text)) lines.push(`import type { ${one.getText().replace(/^type /, '')} } from '${way}'`);
    } else {
      for (const name of declaredBy(ts, statement)) {
        if (!names.has(name)) continue;
        if (!isExported(ts, statement)) edits.insert(file, statement.getStart(), 'export ');
        lines.push(`import type { ${name} } from '${specifier(target, file.fileName, ending)}'`);
      }
    }
  }
  return lines;
}

function declaredBy(compiler: typeof ts, statement: ts.Statement): string[] {
  if (compiler.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => (compiler.isIdentifier(name) ? [name.text] : []));
  }
  const isNamed =
    compiler.isTypeAliasDeclaration(statement) || compiler.isInterfaceDeclaration(statement) || compiler.isFunctionDeclaration(statement) || compiler.isClassDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

const isExported = (compiler: typeof ts, statement: ts.Statement): boolean =>
  compiler.canHaveModifiers(statement) && compiler.getModifiers(statement)?.some(({ kind }) => kind === compiler.SyntaxKind.ExportKeyword) === true;

/** A relative specifier of one file, as another one has to write it. */
function moved(from: string, file: string, target: string): string {
  const folder = (name: string): string => name.slice(0, name.lastIndexOf('/'));
  const whole = new URL(from, `file://${file}`).pathname;
  const parts = whole.split('/');
  const own = folder(target).split('/');
  let same = 0;
  while (same < own.length && own[same] === parts[same]) same++;
  const way = [...own.slice(same).map(() => '..'), ...parts.slice(same)].join('/');
  return way.startsWith('.') ? way : `./${way}`;
}
