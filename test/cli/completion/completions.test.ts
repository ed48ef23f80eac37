import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { completionScripts } from '../../../cli/completion/scripts.ts'
import { completions } from '../../../cli/completion/completions.ts'
import { documentedProgram } from '../documented-program.ts'

const complete = (...words: readonly string[]): readonly string[] =>
  completions(documentedProgram(), words)

describe('completion offers', () => {
  test.each([
    [['con'], ['connect']],
    [['connect', 'inst'], ['instances']],
    [
      ['connect', 'connections', 're'],
      ['resume', 'reset', 'rejects'],
    ],
    [['connect', 'connections', 'runs', 'c'], ['cancel']],
    [
      ['connect', 'connections', 'create', 'x', '--de'],
      ['--dest', '--deletes', '--description'],
    ],
    [
      ['connect', 'connections', 'create', '--deletes', ''],
      ['hard', 'soft'],
    ],
    [['connect', 'connections', 'create', '--from', 'shop', '--log', 'k'], ['kafka']],
    [['connect', 'source', 'di'], ['discover']],
    [['connect', 'run', ''], []],
    [['completion', 'f'], ['fish']],
  ])('after %j: %j', (words, offered) => {
    expect(complete(...words)).toEqual(offered)
  })

  test('nothing that is hidden', () => {
    expect(complete('')).not.toContain('complete')
  })
})

test('the script of bash completes a word', async () => {
  const script = `reactor() { [ "$1" = complete ] && printf '%s\\n' "\${@:3}" --first; }
${completionScripts.bash}
COMP_WORDS=(reactor connect 'two words'); COMP_CWORD=2; _reactor
printf '<%s>' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script])
  expect(stdout).toBe('<connect><two words><--first>')
})
