import type { RepositoryId } from "@windrow/model";
import {
  type Database,
  type DispatcherTerm,
  type GrantChoice,
  type GrantedLease,
  grantLeases,
  inTransaction,
  isUniqueViolation,
  lockParallelGroup,
  lockRepositoryLimit,
} from "@windrow/store";

/** A choice with the limits that other pools' dispatchers may be filling at the same moment. */
export interface LimitedChoice extends GrantChoice {
  readonly repositoryId: RepositoryId;
  /** Of a matrix with `max-parallel`. */
  readonly siblingKey: string | null;
  readonly isRepositoryLimited: boolean;
}

/**
 * Grants choices, those without limits together. The others are counted again under locks, one repository after the
 * other: first its own limit, then its matrices in the order of their keys.
 */
export async function applyChoices(
  db: Database,
  term: DispatcherTerm,
  { choices }: { readonly choices: readonly LimitedChoice[] },
): Promise<GrantedLease[]> {
  const isLimited = (choice: LimitedChoice) => choice.siblingKey !== null || choice.isRepositoryLimited;
  const free = choices.filter((choice) => !isLimited(choice));
  const granted = free.length > 0 ? await grantEach(free, (some) => grantLeases(db, term, some)) : [];
  const byRepository = new Map<RepositoryId, LimitedChoice[]>();
  for (const choice of choices.filter(isLimited)) {
    const others = byRepository.get(choice.repositoryId) ?? [];
    byRepository.set(choice.repositoryId, [...others, choice]);
  }
  for (const limited of byRepository.values())
    granted.push(...(await grantEach(limited, (some) => grantLimited(db, term, some))));
  return granted;
}

/** Applies choices together; when one of them meets a group that has a holder, one by one without it. */
async function grantEach<Choice>(
  choices: readonly Choice[],
  grant: (choices: readonly Choice[]) => Promise<GrantedLease[]>,
): Promise<GrantedLease[]> {
  try {
    return await grant(choices);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    if (choices.length === 1) return [];
    const granted: GrantedLease[] = [];
    for (const choice of choices) granted.push(...(await grantEach([choice], grant)));
    return granted;
  }
}

/** Choices of one repository. */
function grantLimited(db: Database, term: DispatcherTerm, choices: readonly LimitedChoice[]): Promise<GrantedLease[]> {
  return inTransaction(db, async (tx) => {
    const [first] = choices;
    let left =
      first?.isRepositoryLimited === true
        ? await lockRepositoryLimit(tx, first.repositoryId)
        : Number.POSITIVE_INFINITY;
    const keys = [...new Set(choices.flatMap((choice) => choice.siblingKey ?? []))].sort();
    const siblingsLeft = new Map<string, number>();
    for (const key of keys) siblingsLeft.set(key, await lockParallelGroup(tx, key));
    const fit = choices.filter(({ siblingKey }) => {
      const siblings = siblingKey === null ? 1 : (siblingsLeft.get(siblingKey) ?? 0);
      if (left <= 0 || siblings <= 0) return false;
      left -= 1;
      if (siblingKey !== null) siblingsLeft.set(siblingKey, siblings - 1);
      return true;
    });
    return fit.length > 0 ? grantLeases(tx, term, fit) : [];
  });
}
