import { comparisonDocument } from '../../service/comparisons/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { comparisonExitCode, comparisonText } from '../compare/compare-lines.ts'
import type { CompareFlags } from '../compare/compare-program.ts'
import { showResult } from '../output/command-output.ts'

export async function compareRows(
  { client, output }: CommandContext,
  name: string,
  { streams, examples, values, secondLook }: CompareFlags,
): Promise<number> {
  if (!output.json) output.screen.line('comparing the rows, for two minutes at most …')
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('connections', name, 'compare'),
      body: {
        ...(streams !== undefined && { streams }),
        ...{ examples, values: values === true, second_look: secondLook },
      },
    },
    comparisonDocument,
  )
  await showResult(output, json, () => comparisonText(document, output))
  return comparisonExitCode(document)
}
