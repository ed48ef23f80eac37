import { readFile } from 'node:fs/promises'

/** The part that all clients share, as text: it is a module of its own, so that it is checked and tested as one. */
export function readTemplate(): Promise<string> {
  return readFile(new URL('./template/client.ts', import.meta.url), 'utf8')
}

/** Without its imports, which the generated part stands for, and without the regions that are not wanted. */
export function templateBody(
  template: string,
  { hasActions }: { readonly hasActions: boolean },
): string {
  const withoutImports = template.replaceAll(/^import [^]*? from '[^']*'\n/gm, '')
  const regions = /^ *\/\/ #region actions\n([^]*?)^ *\/\/ #endregion\n/gm
  return withoutImports
    .replaceAll(regions, (_, inner: string) => (hasActions ? inner : ''))
    .trimStart()
}
