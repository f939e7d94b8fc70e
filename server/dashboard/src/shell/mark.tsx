/** Two islands on the sea: the mark of Galapagos. */
export function Mark() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M2 19c1.6-3.6 3-5.2 4.6-5.2S9.4 15.4 11 19z" fill="var(--accent)" opacity="0.5" />
      <path d="M6 19C8.7 10 10.8 5 13.6 5S19 10.5 22 19z" fill="var(--accent)" />
      <path d="M2 21h20" stroke="var(--accent)" stroke-width="1.6" stroke-linecap="round" />
    </svg>
  );
}
