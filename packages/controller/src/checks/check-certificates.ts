import { X509Certificate } from "node:crypto";
import type { Check } from "@windrow/contract";

const DAY_MS = 24 * 3_600_000;
/** The farm's own are renewed 30 days before their end. */
const OWN_WARN_DAYS = 20;
const AUTHORITY_WARN_DAYS = 180;

/** How long what this controller shows is good for. `people` differs from `farm` when they are shown one of their own. */
export function checkCertificates(
  pems: { readonly authority: string; readonly farm: string; readonly people: string },
  nowMs: number,
): Check[] {
  const isOwn = pems.people !== pems.farm;
  return [
    judgeEnd("authority", daysLeft(pems.authority, nowMs), {
      days: AUTHORITY_WARN_DAYS,
      hint: "Plan a new authority: without one every agent must join again",
    }),
    judgeEnd("certificate for agents", daysLeft(pems.farm, nowMs), {
      days: OWN_WARN_DAYS,
      hint: "It renews itself; look into the controller's log for why it did not",
    }),
    ...(isOwn
      ? [
          judgeEnd("certificate for people", daysLeft(pems.people, nowMs), {
            days: OWN_WARN_DAYS,
            hint: "Put a new one where WINDROW_TLS_CERT_FILE says; it is read again within the hour",
          }),
        ]
      : []),
  ];
}

function daysLeft(pem: string, nowMs: number): number {
  return Math.floor((Date.parse(new X509Certificate(pem).validTo) - nowMs) / DAY_MS);
}

function judgeEnd(name: string, days: number, least: { readonly days: number; readonly hint: string }): Check {
  if (days >= least.days) return { name, state: "ok", detail: `good for ${days} days` };
  const detail = days < 0 ? `expired ${-days} days ago` : `good for ${days} days only`;
  return { name, state: days < 0 ? "failed" : "warning", detail, hint: least.hint };
}
