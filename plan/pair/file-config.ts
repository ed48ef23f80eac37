import type { ActionContext, ChangeConfig } from '../../connectors/connector.ts'
import { Mutex } from '../../lib/async/slots.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { newTexts, type Mask } from '../../protocol/secrets/mask.ts'

export interface FileConfigPorts {
  readonly mask: Mask
  /** Shows a note to the user. */
  readonly note: (text: string) => void
}

/**
 * The configuration of a side in a pair file, with the changes that the vendor makes: a token that replaces
 * another is used for the rest of the round. Reads and writes share it.
 */
export class FileConfig implements Pick<ActionContext, 'changeConfig' | 'secretFound'> {
  readonly #fileConfig: JsonObject
  readonly #ports: FileConfigPorts
  readonly #mutex = new Mutex()
  #config: JsonObject

  constructor(config: JsonObject, ports: FileConfigPorts) {
    this.#fileConfig = config
    this.#config = config
    this.#ports = ports
  }

  readonly changeConfig: ChangeConfig = (change) =>
    this.#mutex.run(async () => {
      const changed = await change(this.#config)
      if (changed !== null) this.#replace(changed)
      return this.#config
    })

  readonly secretFound = (text: string): void => {
    this.#ports.mask.addPassing(text)
  }

  #replace(config: JsonObject): void {
    const { mask, note } = this.#ports
    if (this.#config === this.#fileConfig)
      note(
        'note: the vendor replaced a token of the configuration, which a pair file cannot store: authorize it again before the next round',
      )
    mask.add(newTexts(config, this.#fileConfig))
    this.#config = config
  }
}
