/** The variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The one place that reads the environment: everything else gets it as an argument. */
export function readEnvironment(): Environment {
  return { ...process.env }
}
