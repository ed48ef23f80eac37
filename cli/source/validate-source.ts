import type { LoadedManifest } from '../../connectors/manifest/load-manifest-file.ts'
import { isRegistered } from '../../manifest-interpreter/builder.ts'
import { TemplateCompiler } from '../../manifest-interpreter/interpolation/template-compiler.ts'
import { findMistakes, type Mistake } from '../../manifest-interpreter/mistakes/find-mistakes.ts'
import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { unsupportedRules } from '../../manifest-interpreter/manifest/unsupported.ts'
import { describeManifest } from '../../connectors/manifest/describe-manifest.ts'
import { exitCodes } from '../exit-codes.ts'
import { plainText } from '../output/plain-text.ts'
import { counted } from '../run/amounts.ts'
import { jsonText } from '../output/json-text.ts'

/** The mistakes that the text of a manifest shows: nothing is evaluated. */
export function mistakesOf(manifest: Manifest): readonly Mistake[] {
  return findMistakes(manifest, new TemplateCompiler({ nowMicros: () => 0, uuid: () => '' }))
}

/** The parts that need Python, each once. */
function unsupportedMistakes(manifest: Manifest): readonly Mistake[] {
  const rules = unsupportedRules(manifest, isRegistered)
  if (rules !== undefined) {
    const path = 'spec.config_normalization_rules'
    return [{ severity: 'error', stream: null, path, message: rules }]
  }
  const { streams, unsupportedDynamicStreams = [] } = describeManifest(manifest)
  return [
    ...streams.flatMap(({ name, unsupported: reason }) =>
      reason === null ? [] : { name, reason },
    ),
    ...unsupportedDynamicStreams,
  ].map(({ name, reason }) => ({ severity: 'error', stream: name, path: '', message: reason }))
}

export function mistakeText({ severity, stream, path, message }: Mistake): string {
  const place = [stream === null ? '' : `stream ${stream}`, path]
    .filter((part) => part !== '')
    .join(', ')
  return `${severity}: ${plainText(place)}: ${plainText(message)}`
}

/** `source … validate`: resolves with the exit code, which is 1 when something cannot work. */
export async function validateSource(
  { manifest }: LoadedManifest,
  options: { readonly file: string; readonly json: boolean },
  write: (text: string) => Promise<void>,
): Promise<number> {
  const { streams } = describeManifest(manifest)
  const mistakes = [...mistakesOf(manifest), ...unsupportedMistakes(manifest)]
  const errors = mistakes.filter(({ severity }) => severity === 'error').length
  const code = errors === 0 ? exitCodes.complete : exitCodes.failed
  if (options.json) {
    const result = { file: options.file, streams: streams.map(({ name }) => name), mistakes }
    await write(jsonText(result))
    return code
  }
  const counts = [
    counted(streams.length, 'stream'),
    counted(errors, 'error'),
    counted(mistakes.length - errors, 'warning'),
  ]
  const lines = [...mistakes.map(mistakeText), `${options.file}: ${counts.join(', ')}`]
  await write(lines.map((line) => `${line}\n`).join(''))
  return code
}
