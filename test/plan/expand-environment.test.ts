import { expect, test } from 'vitest'
import { expandEnvironment } from '../../plan/run-file/expand-environment.ts'

const environment = { HOST: 'db.example', EMPTY: '', ODD: '${HOST} $& "quoted"' }

test.each([
  ['plain', 'plain'],
  ['${HOST}', 'db.example'],
  ['postgres://${HOST}:5432/x', 'postgres://db.example:5432/x'],
  ['${NONE:-fallback}', 'fallback'],
  ['${EMPTY:-fallback}', 'fallback'],
  ['${EMPTY}', ''],
  ['${NONE:-}', ''],
  ['${NONE:-a:-b}', 'a:-b'],
  ['$${HOST}', '${HOST}'],
  ['cost: $5 and $HOST', 'cost: $5 and $HOST'],
  ['${ODD}', '${HOST} $& "quoted"'],
])('%s becomes %s', (text, expected) => {
  expect(expandEnvironment({ a: [text] }, environment)).toEqual({
    value: { a: [expected] },
    problems: [],
  })
})

test('values that are no strings, and keys, are left alone', () => {
  const document = { '${HOST}': 1, list: [true, null, 2.5] }
  expect(expandEnvironment(document, environment).value).toEqual(document)
})

test('a variable that is not set is named, with its field and a fix', () => {
  const { problems } = expandEnvironment(
    { source: { config: { password: '${NONE}' } } },
    environment,
  )
  expect(problems).toEqual([
    {
      code: 'run_file_variable_missing',
      path: ['source', 'config', 'password'],
      at: 'value',
      problem: 'the environment variable NONE is not set',
      fix: 'Set it before the run (`export NONE=…`), or give it a default: `${NONE:-…}`.',
    },
  ])
})

test.each(['${', '${HOST', '${1ABC}', '${}', '${A-B}'])(
  'the malformed reference %s is a problem',
  (text) => {
    expect(expandEnvironment([text], environment).problems).toMatchObject([
      { code: 'run_file_invalid', path: [0] },
    ])
  },
)
