/** A user or join token as stored; its secret is not. */
export interface TokenRow {
  readonly id: string;
  readonly kind: "user" | "join";
  readonly name: string;
  readonly prefix: string;
  readonly role: "admin" | "developer" | "reader" | null;
  readonly owner: string | null;
  readonly pool: string | null;
  readonly uses_max: number | null;
  readonly uses_count: number;
  readonly expires_at: Date | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

export const TOKEN_COLUMNS = [
  "id",
  "kind",
  "name",
  "prefix",
  "role",
  "owner",
  "pool",
  "uses_max",
  "uses_count",
  "expires_at",
  "created_by",
  "created_at",
  "last_used_at",
  "revoked_at",
] as const;
