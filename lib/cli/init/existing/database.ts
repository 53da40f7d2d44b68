/** The database whose transactions pathcast is to know: Drizzle's or Prisma's, where the app makes it. */
import type ts from 'typescript';
import type { Project } from '../../audit/model.js';
import type { Data } from '../choices.js';

/** Every place at which it is made. */
export function databasesIn({ ts, files }: Project, data: Data): ts.Expression[] {
  const found: ts.Expression[] = [];
  for (const file of files) {
    const made = data === 'drizzle' ? /from ['"]drizzle-orm\/[\w-]+['"]/.test(file.text) : /\bPrismaClient\b/.test(file.text);
    if (!made) continue;
    const visit = (node: ts.Node): void => {
      const isDrizzle = data === 'drizzle' && ts.isCallExpression(node) && node.expression.getText() === 'drizzle';
      const isPrisma = data === 'prisma' && ts.isNewExpression(node) && node.expression.getText() === 'PrismaClient';
      if (isDrizzle || isPrisma) found.push(node);
      else ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}
