import { testDeliveryDocument } from '../../service/webhooks/ingress/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { readJsonObject } from '../input/json-input.ts'
import { showResult } from '../output/command-output.ts'

export interface TestFlags {
  readonly input?: string
}

export async function testReceiver(
  { client, output, input }: CommandContext,
  name: string,
  flags: TestFlags,
): Promise<number> {
  const given =
    flags.input === undefined ? undefined : await readJsonObject('--input', flags.input, input)
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('receivers', name, 'test'),
      ...(given !== undefined && { body: { body: given.value } }),
    },
    testDeliveryDocument,
  )
  const { id, receiver, event_id: event, is_repeated: isRepeated } = document
  const outcome = isRepeated ? 'it was stored before: nothing was added' : `delivery ${id}`
  await showResult(
    output,
    json,
    () => `${receiver} has verified and stored the event ${event}: ${outcome}\n`,
  )
  return exitCodes.complete
}
