import { ConnectError } from '../protocol/index.ts'
import type { Connector } from './connector.ts'
import { readdirSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fakerConnector } from './faker/connector.ts'
import { githubConnector } from './github/connector.ts'
import { linearConnector } from './linear/connector.ts'
import { manifestConnector } from './manifest/connector.ts'
import { postgresConnector } from './postgres/connector.ts'
import { slackConnector } from './slack/connector.ts'
import { stripeConnector } from './stripe/connector.ts'

/** Those that are written in TypeScript. Each is made when it is first asked for: it loads its manifest, and every thread comes here. */
const natives: ReadonlyMap<string, () => Connector> = new Map([
  ['faker', () => fakerConnector],
  ['github', githubConnector],
  ['linear', linearConnector],
  ['postgres', () => postgresConnector],
  ['slack', slackConnector],
  ['stripe', stripeConnector],
])
const made = new Map<string, Connector>()

function nativeConnector(type: string): Connector | undefined {
  const connector = made.get(type) ?? natives.get(type)?.()
  if (connector !== undefined) made.set(type, connector)
  return connector
}

/** The type of a connector that is a manifest in the user's file: this prefix and the absolute path. */
const MANIFEST_PREFIX = 'manifest:'
/** The manifests that come with the program, named like their types. */
const manifestFolder = fileURLToPath(new URL('manifests/', import.meta.url))

export function manifestType(path: string): string {
  return `${MANIFEST_PREFIX}${path}`
}

/**
 * The connector of a type, on any thread: a read worker finds it by the type alone. Throws `unknown_connector`, and
 * `manifest_unreadable` or `manifest_invalid` for a manifest.
 */
export function connectorOf(type: string): Connector {
  const connector = nativeConnector(type)
  if (connector !== undefined) return connector
  const path = type.slice(MANIFEST_PREFIX.length)
  if (type.startsWith(MANIFEST_PREFIX) && isAbsolute(path)) return manifestConnector(type, path)
  const manifest = bundledManifest(type)
  if (manifest !== undefined) return manifestConnector(type, manifest)
  const known = connectorTypes().join(', ')
  throw new ConnectError('unknown_connector', { details: { type, known } })
}

/** Every type that `connectorOf` knows by name, sorted. */
export function connectorTypes(): readonly string[] {
  return [...natives.keys(), ...bundledTypes()].toSorted()
}

export function isNativeType(type: string): boolean {
  return natives.has(type)
}

/** The types that are written in TypeScript, sorted. */
export function nativeTypes(): readonly string[] {
  return [...natives.keys()].toSorted()
}

/** The file of a bundled manifest; undefined if the type is another one. */
export function bundledManifest(type: string): string | undefined {
  return bundledTypes().has(type) ? join(manifestFolder, `${type}.yaml`) : undefined
}

let bundled: ReadonlySet<string> | undefined

/** Read once: they are a part of the program. */
function bundledTypes(): ReadonlySet<string> {
  bundled ??= new Set(
    readdirSync(manifestFolder).flatMap((name) =>
      name.endsWith('.yaml') ? [name.slice(0, -'.yaml'.length)] : [],
    ),
  )
  return bundled
}
