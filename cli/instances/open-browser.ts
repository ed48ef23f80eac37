import { spawn } from 'node:child_process'

/** Opens an http(s) address in the user's browser where there is one. The address was shown before: what fails here does no harm. */
export function openBrowser(url: string): void {
  // No shell: the address is one argument, whatever is in it.
  const child = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [url], {
    stdio: 'ignore',
    detached: true,
  })
  child.on('error', () => undefined)
  child.unref()
}
