import type { DestinationKind } from './destination-kind.ts'
import { fileKind } from './file/file-kind.ts'
import { instanceKind } from './instance/instance-kind.ts'
import { writePreviewKind } from './instance/preview/write-preview-kind.ts'
import { postgresKind } from './postgres/postgres-kind.ts'
import { previewKind } from './topic/preview/preview-kind.ts'
import { s3Kind } from './s3/s3-kind.ts'
import { topicKind } from './topic/topic-kind.ts'

/** All destinations. A new one is a folder and a line here. */
const kinds = {
  file: fileKind,
  instance: instanceKind,
  postgres: postgresKind,
  s3: s3Kind,
  topic: topicKind,
} satisfies Readonly<Record<string, DestinationKind>>

/** Kinds of sandboxes, which nobody configures. */
const sandboxKinds = {
  'topic-preview': previewKind,
  'write-preview': writePreviewKind,
}

type ConfigOf<Kind> = Kind extends DestinationKind<infer Config> ? Config : never

/** Where the rows of a connection go. Holds secrets: never to be logged. */
export type DestinationConfig = ConfigOf<(typeof kinds)[keyof typeof kinds]>

/** Also of a sandbox. */
export type AnyDestinationConfig =
  DestinationConfig | ConfigOf<(typeof sandboxKinds)[keyof typeof sandboxKinds]>

const kindsByType: Readonly<Record<DestinationConfig['type'], DestinationKind<DestinationConfig>>> =
  kinds
const allKinds: Readonly<Record<string, DestinationKind<AnyDestinationConfig>>> = {
  ...kinds,
  ...sandboxKinds,
}

/** The types that a run file may name. */
export const destinationTypes = Object.keys(kinds).toSorted() as DestinationConfig['type'][]

/** The kind of a configuration, by its type. */
export function kindOf({ type }: { readonly type: string }): DestinationKind<AnyDestinationConfig> {
  const kind = allKinds[type]
  if (kind === undefined) throw new TypeError(`there is no destination of type ${type}`)
  return kind
}

/** The kind of a type that a run file may name. */
export function kindOfType(type: DestinationConfig['type']): DestinationKind<DestinationConfig> {
  return kindsByType[type]
}

/** Whether sandboxes of a connection leave something at its destination, which is to be dropped. */
export function leavesSandboxes(destination: string): boolean {
  return kindAt(destination)?.sandbox?.drop !== undefined
}

/** The options that only one kind has, of all kinds. */
export function optionsOfKinds(): readonly string[] {
  return Object.values(kinds).flatMap(({ options }) => options)
}

/** The kind of a connection's destination, such as `topic:NAME`; undefined for an unknown scheme. */
export function kindAt(destination: string): DestinationKind<DestinationConfig> | undefined {
  const scheme = destination.slice(0, Math.max(destination.indexOf(':'), 0))
  return Object.values(kindsByType).find(({ schemes }) => schemes.includes(scheme))
}

/** The forms of addresses that a connection may have, for people, each in backticks. */
export function connectionAddresses(
  isWanted: (kind: DestinationKind<DestinationConfig>) => boolean = () => true,
): readonly string[] {
  return Object.values(kindsByType)
    .filter(isWanted)
    .flatMap(({ connection }) => connection?.addresses ?? [])
    .map((address) => `\`${address}\``)
}

/** The destinations that a connection may name, as sentences. */
export function describeAddresses(): string {
  const sentences = Object.values(kindsByType).flatMap(({ connection, words }) => {
    if (connection === undefined) return []
    const { addresses, note } = connection
    const names = addresses.map((address) => `\`${address}\``).join(' or ')
    return [`${names}: ${words.places}${note === undefined ? '' : `, ${note}`}.`]
  })
  return sentences.join(' ')
}

/** The address of a connection that is created without one. */
export function defaultAddress(connection: string): string {
  const [address] = Object.values(kindsByType).flatMap(
    ({ connection: form }) => form?.defaultAddress?.(connection) ?? [],
  )
  if (address === undefined) throw new TypeError('no destination has a default address')
  return address
}

/** The forms of URLs that the setting `destinations` may have. */
export const placeUrlForms: readonly string[] = Object.values(kindsByType).flatMap(
  ({ connection }) => connection?.urls?.form ?? [],
)

/** A place that the setting `destinations` names. */
export function parsePlaceUrl(url: string): DestinationConfig | { readonly problem: string } {
  const urls = kindAt(url)?.connection?.urls
  return urls?.parse(url) ?? { problem: `is none of ${placeUrlForms.join(', ')}` }
}
