"""What the pages share: caches, controls, figures and views. The only part of the package that imports streamlit."""
