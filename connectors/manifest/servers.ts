import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { isJsonList, isJsonObject } from '../../protocol/json.ts'
import { urlNames } from './address-fields.ts'

/**
 * The servers that a manifest sends requests to, as it writes them (`https://{{ config['shop']
 * }}.example.com`), sorted. A path that is a whole URL is one too.
 */
export function serversOf({ definition }: Manifest): readonly string[] {
  const servers = new Set<string>()
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (isJsonList(value)) value.forEach(visit)
    if (!isJsonObject(value) || seen.has(value)) return
    seen.add(value)
    for (const [name, item] of Object.entries(value)) {
      if (typeof item !== 'string') visit(item)
      else if (urlNames.has(name) || (name === 'path' && item.includes('://')))
        servers.add(serverIn(item))
    }
  }
  visit(toRecordValue(definition))
  servers.delete('')
  return [...servers].sort()
}

/** The beginning of a URL up to its path. */
function serverIn(url: string): string {
  const [server = ''] =
    /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|[^/?#{])*/i.exec(url) ?? []
  return server.trim().replaceAll(/\s+/g, ' ')
}
