import { readFile } from 'node:fs/promises'

/**
 * The modules that all clients share, in their order in a client. That of actions is left out if there are
 * none.
 */
const modules = [
  'options',
  'client',
  'streams',
  'connections',
  'sandboxes',
  'runs',
  'actions',
  'errors',
  'requests',
  'exact-numbers',
] as const

export interface TemplateModule {
  readonly name: (typeof modules)[number]
  readonly text: string
}

/** The part that all clients share, as text: separate modules, so that they are checked and tested. */
export function readTemplate(): Promise<readonly TemplateModule[]> {
  return Promise.all(
    modules.map(async (name) => {
      const url = new URL(`./template/${name}.ts`, import.meta.url)
      return { name, text: await readFile(url, 'utf8') }
    }),
  )
}

/**
 * Joins the modules into one: without their imports (everything is in one file), without the lists of what
 * they only export to each other, and without the parts about actions if there are none.
 */
export function templateBody(
  template: readonly TemplateModule[],
  { hasActions }: { readonly hasActions: boolean },
): string {
  const regions = /^ *\/\/ #region actions\n([^]*?)^ *\/\/ #endregion\n/gm
  return template
    .filter(({ name }) => hasActions || name !== 'actions')
    .map(({ text }) =>
      text
        .replaceAll(/^import [^]*? from '[^']*'\n/gm, '')
        .replaceAll(/^export (?:type )?\{[^}]*\}\n/gm, '')
        .replaceAll(regions, (_, inner: string) => (hasActions ? inner : ''))
        .trim(),
    )
    .join('\n\n')
    .concat('\n')
}
