import { expect, test } from 'vitest'
import { linkStep } from '../../../sinks/two-way/link-table.ts'
import { sideChanges, type SideChange } from '../../../sinks/two-way/side-change.ts'

const cells = sideChanges.flatMap((a) => sideChanges.map((b) => [a, b] as const))

const mirrored: Readonly<Record<string, string>> = { a: 'b', b: 'a' }

function mirror(step: string): string {
  return step
    .split('_')
    .map((word) => mirrored[word] ?? word)
    .join('_')
}

/** The two contests name both sides: deleted here, edited there. */
function canonical(step: string): string {
  if (step === 'deleted_b_edited_a') return 'edited_a_deleted_b'
  return step === 'edited_b_deleted_a' ? 'deleted_a_edited_b' : step
}

const isThere = (change: SideChange): boolean =>
  change === 'new' || change === 'same' || change === 'edited' || change === 'back'

test.each(cells)('side a %s, side b %s: the sides are treated alike', (a, b) => {
  expect(canonical(mirror(linkStep(b, a)))).toBe(linkStep(a, b))
})

test.each(cells)('side a %s, side b %s: the step waits for what is not known', (a, b) => {
  const step = linkStep(a, b)
  if (a === 'hidden' || b === 'hidden') expect(['nothing', 'hold']).toContain(step)
  else if (a === 'unread' || b === 'unread') expect(['nothing', 'read_a', 'read_b']).toContain(step)
  // Without a base there is no merge.
  if (a === 'new' || b === 'new') expect(step).not.toBe('merge')
})

test.each(cells)('side a %s, side b %s: the step is safe', (a, b) => {
  const step = linkStep(a, b)
  // A record is deleted only if its counterpart is newly gone and it is unchanged itself.
  expect(step === 'delete_on_a').toBe(a === 'same' && b === 'deleted')
  expect(step === 'delete_on_b').toBe(b === 'same' && a === 'deleted')
  // A record is made only from one that is there.
  if (step === 'create_on_a' || step === 'restore_on_a') expect(isThere(b)).toBe(true)
  if (step === 'create_on_b' || step === 'restore_on_b') expect(isThere(a)).toBe(true)
  if (step === 'merge' || step === 'align') expect(isThere(a) && isThere(b)).toBe(true)
})

test('nothing happens if nothing has changed', () => {
  const quiet: readonly SideChange[] = ['unread', 'never', 'gone', 'hidden']
  for (const a of quiet) for (const b of quiet) expect(linkStep(a, b)).toBe('nothing')
  expect(linkStep('same', 'same')).toBe('nothing')
})
