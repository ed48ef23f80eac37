import { expect, test } from 'vitest'
import { sourceFailure } from '../../../connectors/manifest/source-failure.ts'
import { TemplateError } from '../../../manifest-interpreter/interpolation/template-error.ts'
import { SourceError } from '../../../manifest-interpreter/source-error.ts'
import { PythonError } from '../../../manifest-interpreter/value/python-error.ts'
import { ConnectError } from '../../../protocol/index.ts'

const broken = new TypeError('terminated', { cause: new Error('other side closed') })
const template = new TemplateError('{{ x }}', { kind: 'TypeError', message: 'no' })

test.each<[unknown, string, boolean]>([
  [new SourceError('no', { failureType: 'config_error' }), 'source_refused', false],
  [new SourceError('busy', { failureType: 'transient_error' }), 'source_unavailable', true],
  [new SourceError('odd', { failureType: 'system_error' }), 'source_failed', true],
  [
    new SourceError('404', { failureType: 'system_error', mayPass: false }),
    'source_mismatch',
    false,
  ],
  [template, 'source_mismatch', false],
  [new PythonError('KeyError', 'no'), 'source_mismatch', false],
  [new TypeError('x is no list'), 'source_mismatch', false],
  [broken, 'source_failed', true],
  [Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'source_failed', true],
])('the failure "%s" has the code %s', (error, code, retryable) => {
  const failure = ConnectError.from(sourceFailure(error, 'Stream x'))
  expect(failure).toMatchObject({ code, retryable })
})

test('a failure is reported once', () => {
  const error = new SourceError('Stream x failed: odd', { failureType: 'system_error' })
  expect(ConnectError.from(sourceFailure(error, 'Stream x')).message).toBe('Stream x failed: odd')
})
