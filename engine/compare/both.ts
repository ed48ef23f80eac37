/** The results of both. Rejects when both have ended: no statement runs on after that. */
export async function both<Left, Right>(
  left: Promise<Left>,
  right: Promise<Right>,
): Promise<[Left, Right]> {
  await Promise.allSettled([left, right])
  return Promise.all([left, right])
}
