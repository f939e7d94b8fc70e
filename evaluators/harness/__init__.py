"""What runs inside the boxes, beside untrusted code. Its modules are started as scripts and import none of ours."""
