import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sandboxScene } from './sandbox-scene.ts'
import { recordTerminal } from './record-terminal.ts'
import { terminalSvg, type TerminalPicture } from './terminal-svg.ts'

/**
 * Draws the pictures of terminals again, from real runs. Needs Linux: `script` of util-linux makes the
 * terminal.
 */
const root = join(import.meta.dirname, '../..')
const folder = join(root, 'docs/pictures')
const columns = 100
await mkdir(folder, { recursive: true })

await draw('demo.svg', {
  title:
    'The demo on a terminal: a first run of 268,742 rows, a second run of the 1,253 that changed, and equal tables at the end',
  command: 'npm run demo',
  lines: await recordTerminal({
    argv: [process.execPath, join(root, 'scripts/demo/main.ts')],
    columns,
  }),
})

const home = await mkdtemp(join(tmpdir(), 'reactor-pictures-'))
try {
  await using scene = await sandboxScene(home)
  await draw('sandbox.svg', {
    title:
      'A sandbox’s report on a terminal: what a run would change, and the command that promotes it',
    command: 'reactor connect connections sandbox shop',
    lines: await recordTerminal({ ...scene.sandbox, columns }),
  })
} finally {
  await rm(home, { recursive: true, force: true })
}

async function draw(file: string, picture: Omit<TerminalPicture, 'columns'>): Promise<void> {
  await writeFile(join(folder, file), terminalSvg({ ...picture, columns }))
}
