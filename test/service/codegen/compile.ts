import { dirname, relative, resolve } from 'node:path'
import ts from 'typescript'

/** All that people switch on, in a project for browsers. */
export const strictest: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  isolatedDeclarations: true,
  declaration: true,
  allowImportingTsExtensions: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  types: [],
  noEmit: true,
  skipLibCheck: true,
}

/** The same in Node, without the types of browsers. */
export const strictestInNode: ts.CompilerOptions = {
  ...strictest,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2022.d.ts'],
  types: ['node'],
}

const folder = resolve('test/service/codegen/in-memory')
/** Parsed once: they are most of the work. */
const libraries = new Map<string, ts.SourceFile>()

/**
 * Compiles files that are in memory (name or path -> text), in this process. Gives what is wrong with them:
 * `client.ts:7: …`.
 */
export function problemsOf(
  files: Readonly<Record<string, string>>,
  options: ts.CompilerOptions = strictest,
): readonly string[] {
  const texts = new Map(
    Object.entries(files).map(([name, text]) => [resolve(folder, name), text] as const),
  )
  const folders = new Set([...texts.keys()].map((path) => dirname(path)))
  const disk = ts.createCompilerHost(options)
  const host: ts.CompilerHost = {
    ...disk,
    directoryExists: (path) => folders.has(path) || disk.directoryExists?.(path) === true,
    fileExists: (path) => texts.has(path) || disk.fileExists(path),
    readFile: (path) => texts.get(path) ?? disk.readFile(path),
    getSourceFile: (path, language, ...more) => {
      const text = texts.get(path)
      if (text !== undefined) return ts.createSourceFile(path, text, language)
      const key = `${path} ${JSON.stringify(language)}`
      const parsed = libraries.get(key) ?? disk.getSourceFile(path, language, ...more)
      if (parsed !== undefined) libraries.set(key, parsed)
      return parsed
    },
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  const diagnostics = [...texts.keys()].flatMap((path) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)),
  )
  return ts.sortAndDeduplicateDiagnostics(diagnostics).map(problemText)
}

function problemText({ file, start, messageText }: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(messageText, '\n')
  if (file === undefined || start === undefined) return text
  const { line } = file.getLineAndCharacterOfPosition(start)
  const source = file.text.split('\n')[line] ?? ''
  return `${relative(folder, file.fileName)}:${String(line + 1)}: ${text}\n  ${source}`
}
