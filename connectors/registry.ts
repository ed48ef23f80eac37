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

/**
 * Connectors that are a file of the user: their types are one of these prefixes and the absolute path. Each
 * is loaded when it is first requested.
 */
const fileConnectors: ReadonlyMap<string, (type: string, path: string) => Promise<Connector>> =
  new Map([
    [
      'manifest:',
      async (type, path) => (await import('./manifest/connector.ts')).manifestConnector(type, path),
    ],
    [
      'manifest-with-python:',
      async (type, path) =>
        (await import('./airbyte-process/manifest-with-python.ts')).manifestWithPython(type, path),
    ],
    [
      'airbyte-messages:',
      async (type, path) =>
        (await import('./airbyte-messages/connector.ts')).airbyteMessagesConnector(type, path),
    ],
    [
      'airbyte-process:',
      async (type, path) =>
        (await import('./airbyte-process/connector.ts')).airbyteProcessConnector(type, path),
    ],
  ])
/** The manifests that come with the program, named like their types. */
const manifestFolder = fileURLToPath(new URL('manifests/', import.meta.url))

export function manifestType(path: string): string {
  return `manifest:${path}`
}

/** The type of an imported manifest whose components in Python are run. */
export function pythonManifestType(path: string): string {
  return `manifest-with-python:${path}`
}

/** The type of the messages on standard input: `path` is the configured catalog. */
export function messagesType(path: string): string {
  return `airbyte-messages:${path}`
}

/** The type of an external connector: `path` is its process.json. */
export function processType(path: string): string {
  return `airbyte-process:${path}`
}

/**
 * The connector of a type, on any thread: a read worker finds it by the type alone. Throws
 * `unknown_connector`, `manifest_unreadable` or `manifest_invalid` for a manifest, and
 * `airbyte_definition_invalid` for an external connector.
 */
export async function connectorOf(type: string): Promise<Connector> {
  const connector = await nativeConnector(type)
  if (connector !== undefined) return connector
  const found = fileOf(type)
  const open = found && fileConnectors.get(found.prefix)
  if (found === undefined || open === undefined) throw unknownConnector(type, connectorTypes())
  return open(type, found.path)
}

/** Begins to load what a connector of this type will need; nothing is read of its file. */
export function preloadConnector(type: string): void {
  const loading = nativeConnector(type) ?? preloadFile(type)
  loading.catch(() => undefined) // the caller that awaits it gets the error
}

function preloadFile(type: string): Promise<unknown> {
  if (type.startsWith('airbyte-process:')) return import('./airbyte-process/connector.ts')
  if (type.startsWith('airbyte-messages:')) return import('./airbyte-messages/connector.ts')
  return import('./manifest/connector.ts')
}

function fileOf(type: string): { readonly prefix: string; readonly path: string } | undefined {
  const bundledFile = bundledManifest(type)
  if (bundledFile !== undefined) return { prefix: 'manifest:', path: bundledFile }
  const prefix = type.slice(0, type.indexOf(':') + 1)
  const path = type.slice(prefix.length)
  return fileConnectors.has(prefix) && isAbsolute(path) ? { prefix, path } : undefined
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
