import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

/**
 * Writes the types of the entries, and of the modules that these refer to, as `.d.ts` files at the same
 * places below `folder`. The other files that tsc would write, ten times as many, cannot be imported by
 * anybody.
 */
export async function writeTypes(entries: readonly string[], folder: string): Promise<void> {
  const declarations = declarationsOf(entries)
  for (const path of reachable(entries, declarations)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, withJsImports(declarations.get(path) ?? ''))
  }
}

/** `sdk/engine.d.ts` -> its text. */
function declarationsOf(entries: readonly string[]): ReadonlyMap<string, string> {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as {
    readonly config: unknown
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd())
  const declarations = new Map<string, string>()
  const program = ts.createProgram({
    rootNames: [...entries],
    options: { ...options, noEmit: false, emitDeclarationOnly: true, declaration: true },
  })
  const { diagnostics } = program.emit(undefined, (path, text) => {
    declarations.set(relative(process.cwd(), resolve(path)), text)
  })
  const [first] = diagnostics
  if (first !== undefined) throw new Error(ts.flattenDiagnosticMessageText(first.messageText, '\n'))
  return declarations
}

function reachable(
  entries: readonly string[],
  declarations: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const found = new Set<string>()
  const open = entries.map(declarationOf)
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue
    found.add(path)
    const { importedFiles } = ts.preProcessFile(declarations.get(path) ?? '')
    for (const { fileName } of importedFiles)
      if (fileName.startsWith('.')) open.push(declarationOf(join(dirname(path), fileName)))
  }
  return found
}

function declarationOf(path: string): string {
  return path.replace(/\.ts$/, '.d.ts')
}

/** Every version of TypeScript finds `./a.d.ts` by `./a.js`. */
function withJsImports(text: string): string {
  const imports = ts.preProcessFile(text).importedFiles.toSorted((a, b) => b.pos - a.pos)
  return imports.reduce((whole, { fileName, pos }) => {
    if (!fileName.startsWith('.') || !fileName.endsWith('.ts')) return whole
    const start = whole.indexOf(fileName, pos)
    const end = start + fileName.length
    return `${whole.slice(0, start)}${fileName.replace(/\.ts$/, '.js')}${whole.slice(end)}`
  }, text)
}
