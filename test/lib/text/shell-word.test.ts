import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { nameResets, resetCommands, resetsOfService } from '../../../lib/text/reset-commands.ts'
import { shellWord } from '../../../lib/text/shell-word.ts'

test.each([
  'public.orders',
  '"a.b".c',
  'S1."x,y"',
  "o'clock",
  'p $(touch injected)',
  '`id`',
  '$HOME\nnext',
  '-rf *',
  '!!',
  "''",
  '\\',
  '',
])('a shell reads %j as it is', (text) => {
  const said = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })
  expect(said).toBe(text)
})

test('the commands of a reset quote the names that need it', () => {
  expect(resetCommands('public.orders', 'shop')).toBe(
    '`reactor connect reset FILE --streams public.orders`, or in the service `reactor connect connections reset shop --streams public.orders`',
  )
  expect(resetCommands('S1."x,y"')).toContain(`FILE --streams 'S1."x,y"'\``)
  expect(resetCommands()).toBe(
    '`reactor connect reset FILE`, or in the service `reactor connect connections reset NAME`',
  )
  expect(nameResets(`Run ${resetCommands('a')}.`, 'my shop')).toContain(
    "`reactor connect connections reset 'my shop' --streams a`",
  )
  expect(resetsOfService(`Run ${resetCommands('a', 'shop')} now.`)).toBe(
    'Run `reactor connect connections reset shop --streams a` now.',
  )
})
