import type { Connector } from './connector.ts'
import { unknownConnector } from './unknown-connector.ts'
import { readdirSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The connectors that are written in TypeScript. Each is loaded when it is first requested: every thread of a
 * run comes here, and needs one of them.
 */
const natives: ReadonlyMap<string, () => Promise<Connector>> = new Map([
  ['faker', async () => (await import('./faker/connector.ts')).fakerConnector],
  ['file', async () => (await import('./files/connector.ts')).fileConnector],
  ['github', async () => (await import('./github/connector.ts')).githubConnector()],
  ['linear', async () => (await import('./linear/connector.ts')).linearConnector()],
  ['postgres', async () => (await import('./postgres/connector.ts')).postgresConnector],
  ['salesforce', async () => (await import('./salesforce/connector.ts')).salesforceConnector()],
  ['s3', async () => (await import('./files/connector.ts')).s3Connector],
  ['slack', async () => (await import('./slack/connector.ts')).slackConnector()],
  ['stripe', async () => (await import('./stripe/connector.ts')).stripeConnector()],
])
const loaded = new Map<string, Promise<Connector>>()

function nativeConnector(type: string): Promise<Connector> | undefined {
  const connector = loaded.get(type) ?? natives.get(type)?.()
  if (connector !== undefined) loaded.set(type, connector)
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
 * The connector of a type, on any thread: a read worker finds it by the type alone. Throws
 * `unknown_connector`, and `manifest_unreadable` or `manifest_invalid` for a manifest.
 */
export async function connectorOf(type: string): Promise<Connector> {
  const connector = await nativeConnector(type)
  if (connector !== undefined) return connector
  const path = manifestOf(type)
  if (path === undefined) throw unknownConnector(type, connectorTypes())
  const { manifestConnector } = await import('./manifest/connector.ts')
  return manifestConnector(type, path)
}

/** Begins to load what a connector of this type will need; nothing is read of a manifest. */
export function preloadConnector(type: string): void {
  const loading = nativeConnector(type) ?? import('./manifest/connector.ts')
  loading.catch(() => undefined) // the caller that awaits it gets the error
}

function manifestOf(type: string): string | undefined {
  const path = type.slice(MANIFEST_PREFIX.length)
  return type.startsWith(MANIFEST_PREFIX) && isAbsolute(path) ? path : bundledManifest(type)
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
