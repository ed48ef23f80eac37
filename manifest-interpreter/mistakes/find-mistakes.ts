import { nearestName } from '../../lib/text/near-names.ts'
import { list, optionalComponent, optionalText } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { get, isPlainDict } from '../value/dict.ts'
import type { PlainDict } from '../value/value.ts'
import { ComponentWalk } from './component-mistakes.ts'
import { declaredConfigKeys } from './config-keys.ts'
import { didYouMean } from '../manifest/did-you-mean.ts'
import { specMistakes } from './spec-mistakes.ts'
import { streamMistakes, type StreamMistake } from './stream-mistakes.ts'
import { possibleStreams } from '../manifest/stream-definitions.ts'
import { dynamicStreamName } from '../manifest/unsupported.ts'
import type { Manifest } from '../manifest/load-manifest.ts'

/** A mistake in a manifest that is valid and loads, as far as the manifest's text shows it. */
export interface Mistake extends StreamMistake {
  /** The stream that it concerns; null for the manifest as a whole. */
  readonly stream: string | null
}

/** The version of the language that is interpreted. */
const supportedVersion = [7, 39] as const

/** Finds them all; each once a stream. */
export function findMistakes(manifest: Manifest, templates: TemplateCompiler): readonly Mistake[] {
  const { definition, check } = manifest
  const configKeys = declaredConfigKeys(manifest)
  const walk = () => new ComponentWalk({ templates, configKeys })
  const named = (stream: string | null, mistakes: readonly StreamMistake[]): readonly Mistake[] =>
    mistakes.map((mistake) => ({ ...mistake, stream }))
  const budget = optionalComponent(definition, 'api_budget')
  const streams = possibleStreams(manifest)
  const names = streams.map((stream) => optionalText(stream, 'name') ?? '')
  const isDynamic = list(definition, 'dynamic_streams').length > 0
  return [
    ...versionMistakes(definition),
    ...duplicateNames(names),
    ...(isDynamic
      ? []
      : [...noStreams(names), ...emptyCheck(check), ...checkMistakes(check, names)]),
    ...named(null, specMistakes(manifest)),
    ...named(null, budget === undefined ? [] : walk().mistakes(budget, 'api_budget')),
    ...streams.flatMap((stream, index) =>
      named(names[index] ?? null, [
        ...walk().mistakes(stream),
        ...streamMistakes(stream, templates, manifest),
      ]),
    ),
    ...list(definition, 'dynamic_streams')
      .filter(isPlainDict)
      .flatMap((stream, index) =>
        named(dynamicStreamName(stream, index), walk().mistakesOfTemplates(stream)),
      ),
  ]
}

function versionMistakes(definition: PlainDict): readonly Mistake[] {
  const version = optionalText(definition, 'version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [ownMajor, ownMinor] = supportedVersion
  if (major < ownMajor || (major === ownMajor && minor <= ownMinor)) return []
  const message = `The manifest has version ${version}, but this interpreter supports ${supportedVersion.join('.')}: newer components and fields do nothing.`
  return [{ severity: 'warning', stream: null, path: 'version', message }]
}

function duplicateNames(names: readonly string[]): readonly Mistake[] {
  const doubled = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...doubled].map((stream) => ({
    severity: 'warning' as const,
    stream,
    path: 'name',
    message: 'Several streams have this name, and only one of them can be read. Rename the others.',
  }))
}

function noStreams(names: readonly string[]): readonly Mistake[] {
  if (names.length > 0) return []
  const message = 'The manifest has no streams, so that there is nothing to read. Add one.'
  return [{ severity: 'error', stream: null, path: 'streams', message }]
}

/** Such a check succeeds with any configuration; without any of the fields it fails. */
function emptyCheck(check: PlainDict): readonly Mistake[] {
  if (get(check, 'type') !== 'CheckStream') return []
  const fields = ['stream_names', 'dynamic_streams_check_configs']
  if (fields.some((name) => list(check, name).length > 0)) return []
  const severity = fields.some((name) => get(check, name) !== undefined) ? 'warning' : 'error'
  const message =
    'The check looks at no stream, so that it finds nothing. Name one in stream_names.'
  return [{ severity, stream: null, path: 'check.stream_names', message }]
}

function checkMistakes(check: PlainDict, names: readonly string[]): readonly Mistake[] {
  return list(check, 'stream_names').flatMap((name): readonly Mistake[] => {
    if (typeof name !== 'string' || names.includes(name)) return []
    const message = `There is no stream "${name}".${didYouMean(nearestName(name, names))}`
    return [{ severity: 'error', stream: null, path: 'check.stream_names', message }]
  })
}
