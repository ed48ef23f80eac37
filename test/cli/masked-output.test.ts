import { expect, test } from 'vitest'
import { MaskedOutput } from '../../cli/run/masked-output.ts'
import type { RunEnd } from '../../cli/run/run-output.ts'
import { ConnectError } from '../../protocol/index.ts'
import { Mask } from '../../protocol/secrets/mask.ts'

test('texts of others are masked, and the words of the program stay as they are', () => {
  const mask = new Mask()
  mask.add(['wrong'])
  const ends: RunEnd[] = []
  const output = new MaskedOutput(
    {
      note: () => undefined,
      progress: () => undefined,
      end: (end) => {
        ends.push(end)
      },
    },
    mask,
  )
  const details = { type: 'tickets', reason: 'the key wrong is unknown', file: 'tickets.yaml' }
  const error = new ConnectError('source_check_failed', { details }).toJSON()
  output.end({ kind: 'error', error, exitCode: 1 })
  const [end] = ends
  const shown = end?.kind === 'error' ? end.error : undefined
  expect(shown?.message).toContain('the key *** is unknown')
  expect(shown?.suggested_fix).toContain('the manifest if it is wrong')
  expect(JSON.stringify(shown?.details)).not.toContain('wrong')
})
