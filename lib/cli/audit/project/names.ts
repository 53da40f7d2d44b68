import type ts from 'typescript';
import type { Compiler } from './sources/compiler.js';

/** How many re-exports are followed to the package that a name comes from. */
const MAX_HOPS = 20;

/** What a name was imported as. `name` is `default`, or `*` for the whole module. */
export interface Import {
  module: string;
  name: string;
}

/** Symbols of names, over imports and re-exports. Uses the checker for names alone, never for types. */
export class Names {
  private readonly symbols = new Map<ts.Identifier, ts.Symbol | undefined>();
  private readonly exported = new Map<ts.Node, ReadonlyMap<string, ts.Symbol>>();

  constructor(
    private readonly ts: Compiler,
    private readonly checker: ts.TypeChecker,
    private readonly find: (request: string, from: string) => ts.SourceFile | undefined,
  ) {}

  /** The symbol that a name stands for where it is written: an import is not followed. */
  symbolOf(name: ts.Identifier): ts.Symbol | undefined {
    if (this.symbols.has(name)) return this.symbols.get(name);
    const symbol = this.symbolAt(name);
    this.symbols.set(name, symbol);
    return symbol;
  }

  private symbolAt(name: ts.Identifier): ts.Symbol | undefined {
    const { ts } = this;
    const parent = name.parent as ts.Node | undefined;
    if (!parent) return undefined;
    if (ts.isShorthandPropertyAssignment(parent) && parent.name === name) return this.checker.getShorthandAssignmentValueSymbol(parent);
    if (ts.isExportSpecifier(parent) && !parent.parent.parent.moduleSpecifier) return this.checker.getExportSpecifierLocalTargetSymbol(parent);
    const declared = (parent as { name?: ts.Node; symbol?: ts.Symbol }).name === name ? (parent as { symbol?: ts.Symbol }).symbol : undefined;
    return declared ?? this.checker.getSymbolAtLocation(name);
  }

  /** The symbol behind imports and re-exports; undefined where that is not among the sources. */
  targetOf(symbol: ts.Symbol | undefined): ts.Symbol | undefined {
    if (!symbol) return undefined;
    // `const x = require(…)` is an alias to the checker in JavaScript only; its value is read like any other variable's.
    if (!(symbol.flags & this.ts.SymbolFlags.Alias) || symbol.valueDeclaration) return symbol;
    const target = this.checker.getAliasedSymbol(symbol);
    return target.declarations?.length ? target : undefined;
  }

  /** The declaration that gives a symbol its value; of a function the one with a body. */
  declarationOf(symbol: ts.Symbol | undefined): ts.Declaration | undefined {
    const target = this.targetOf(symbol);
    const all = target?.declarations;
    if (!all) return undefined;
    return all.find((one) => (one as { body?: ts.Node }).body !== undefined && this.ts.isFunctionLike(one)) ?? target.valueDeclaration ?? all[0];
  }

  /** The module that a specifier names, if it is among the sources. */
  moduleOf(specifier: ts.Expression): ts.SourceFile | undefined {
    if (!this.ts.isStringLiteralLike(specifier)) return undefined;
    return this.find(specifier.text, specifier.getSourceFile().fileName);
  }

  /** What a module or namespace exports, `export *` included; aliases are followed by `declarationOf`. */
  exportsOf(module: ts.SourceFile | ts.ModuleDeclaration): ReadonlyMap<string, ts.Symbol> {
    const known = this.exported.get(module);
    if (known) return known;
    const symbol = (module as { symbol?: ts.Symbol }).symbol;
    const found = new Map<string, ts.Symbol>();
    if (symbol) for (const one of this.checker.getExportsOfModule(symbol)) found.set(this.ts.unescapeLeadingUnderscores(one.escapedName), one);
    this.exported.set(module, found);
    return found;
  }

  /** `export =` or `module.exports =`. */
  exportEquals(module: ts.SourceFile): ts.Expression | undefined {
    const { ts } = this;
    const declaration = (module as { symbol?: ts.Symbol }).symbol?.exports?.get('export=' as ts.__String)?.declarations?.[0];
    if (!declaration) return undefined;
    if (ts.isExportAssignment(declaration)) return declaration.expression;
    return ts.isBinaryExpression(declaration) ? declaration.right : undefined;
  }

  /** Modules of `export * from` that are not among the sources. */
  unresolvedStars(module: ts.SourceFile): string[] {
    return this.stars(module)
      .filter((specifier) => !this.moduleOf(specifier))
      .map((specifier) => specifier.text);
  }

  /** Where a name comes from if that is a module outside the sources, over our own re-exports. */
  importOf(name: ts.Identifier): Import | undefined {
    return this.importOfSymbol(this.symbolOf(name), 0);
  }

  private importOfSymbol(symbol: ts.Symbol | undefined, hops: number): Import | undefined {
    const { ts } = this;
    const declaration = symbol?.declarations?.[0];
    if (!declaration || hops > MAX_HOPS) return undefined;
    let specifier: ts.Node | undefined;
    let name: string;
    if (ts.isImportSpecifier(declaration)) {
      specifier = declaration.parent.parent.parent.moduleSpecifier;
      name = (declaration.propertyName ?? declaration.name).text;
    } else if (ts.isImportClause(declaration)) {
      specifier = declaration.parent.moduleSpecifier;
      name = 'default';
    } else if (ts.isNamespaceImport(declaration)) {
      specifier = declaration.parent.parent.moduleSpecifier;
      name = '*';
    } else if (ts.isNamespaceExport(declaration)) {
      specifier = declaration.parent.moduleSpecifier;
      name = '*';
    } else if (ts.isImportEqualsDeclaration(declaration) && ts.isExternalModuleReference(declaration.moduleReference)) {
      specifier = declaration.moduleReference.expression;
      name = '*';
    } else if (ts.isExportSpecifier(declaration)) {
      const local = declaration.propertyName ?? declaration.name;
      specifier = declaration.parent.parent.moduleSpecifier;
      name = local.text;
      if (!specifier) return this.importOfSymbol(this.checker.getExportSpecifierLocalTargetSymbol(declaration), hops + 1);
    } else if (this.requireOf(declaration)) {
      const { request, member } = this.requireOf(declaration) ?? {};
      specifier = request;
      name = member ?? '*';
    } else {
      return undefined;
    }
    if (!specifier || !ts.isStringLiteralLike(specifier)) return undefined;
    const module = this.moduleOf(specifier);
    if (!module) return { module: specifier.text, name };
    if (name === '*') return undefined;
    const exported = (module as { symbol?: ts.Symbol }).symbol?.exports?.get(ts.escapeLeadingUnderscores(name));
    if (exported) return this.importOfSymbol(exported, hops + 1);
    return this.throughStars(module, name, hops + 1);
  }

  /** `const x = require('m')`, `const { x } = require('m')`. */
  private requireOf(declaration: ts.Declaration): { request: ts.Expression; member: string | undefined } | undefined {
    const { ts } = this;
    let variable: ts.Node = declaration;
    let member: string | undefined;
    if (ts.isBindingElement(declaration) && ts.isIdentifier(declaration.name)) {
      member = (declaration.propertyName && ts.isIdentifier(declaration.propertyName) ? declaration.propertyName : declaration.name).text;
      variable = declaration.parent.parent;
    }
    if (!ts.isVariableDeclaration(variable) || !variable.initializer) return undefined;
    const call = variable.initializer;
    if (!ts.isCallExpression(call) || !ts.isIdentifier(call.expression) || call.expression.text !== 'require') return undefined;
    const [request] = call.arguments;
    return request ? { request, member } : undefined;
  }

  private throughStars(module: ts.SourceFile, name: string, hops: number): Import | undefined {
    if (hops > MAX_HOPS) return undefined;
    let outside: Import | undefined;
    for (const specifier of this.stars(module)) {
      const next = this.moduleOf(specifier);
      if (!next) {
        outside ??= { module: specifier.text, name };
        continue;
      }
      const exported = (next as { symbol?: ts.Symbol }).symbol?.exports?.get(this.ts.escapeLeadingUnderscores(name));
      const found = exported ? this.importOfSymbol(exported, hops + 1) : this.throughStars(next, name, hops + 1);
      if (found) return found;
    }
    return outside;
  }

  private stars(module: ts.SourceFile): ts.StringLiteralLike[] {
    const { ts } = this;
    return module.statements.flatMap((one) =>
      ts.isExportDeclaration(one) && !one.exportClause && one.moduleSpecifier && ts.isStringLiteralLike(one.moduleSpecifier) ? [one.moduleSpecifier] : [],
    );
  }
}
