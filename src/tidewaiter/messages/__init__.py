"""Wire formats: bytes ⇄ model. One package or module a form; `forms` finds the right one."""
