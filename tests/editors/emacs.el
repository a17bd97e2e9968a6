;;; One session of Emacs and Eglot with the server. -*- lexical-binding: t -*-
;; What a person sees of it goes to a file, line by line.
;; SERVER, FOLDER and REPORT come from the environment.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'flymake)
(require 'project)
(require 'xref)

(define-derived-mode nix-mode prog-mode "Nix")
(add-to-list 'auto-mode-alist '("\\.nix\\'" . nix-mode))
(add-to-list 'eglot-server-programs `(nix-mode . (,(getenv "SERVER") "lsp")))

(defvar session-folder (file-name-as-directory (getenv "FOLDER")))
(setq project-find-functions (list (lambda (_) (cons 'transient session-folder))))
(setq eglot-sync-connect 60 eglot-autoshutdown nil create-lockfiles nil)

(defun session-tell (format &rest arguments)
  (let ((line (replace-regexp-in-string "\n" " " (apply #'format format arguments))))
    (write-region (concat line "\n") nil (getenv "REPORT") t 'quiet)))

(defun session-wait (what is-there)
  (let ((until (+ (float-time) 60)))
    (while (not (funcall is-there))
      (when (> (float-time) until)
        (session-tell "waited in vain: %s" what)
        (kill-emacs 1))
      (accept-process-output nil 0.05)
      (sit-for 0.05))))

(defun session-set-line (text)
  "Replaces the third line by TEXT, and leaves the cursor at its end."
  (goto-char (point-min))
  (forward-line 2)
  (delete-region (line-beginning-position) (line-end-position))
  (insert text)
  (eglot--signal-textDocument/didChange))

(defun session-errors ()
  (seq-filter (lambda (it) (memq (flymake-diagnostic-type it) '(eglot-error :error)))
              (flymake-diagnostics)))

(defun session-run ()
  (find-file (expand-file-name "configuration.nix" session-folder))
  (apply #'eglot--connect (eglot--guess-contact))
  (session-wait "the server" #'eglot-managed-p)
  (session-tell "open: %s" (plist-get (eglot--server-info (eglot-current-server)) :name))
  (let ((buffer (current-buffer)))
    ;; An option is completed as its name is typed.
    (session-set-line "  services.nginx.recommendedO")
    (completion-at-point)
    (session-tell "completed:%s"
                  (buffer-substring (line-beginning-position) (line-end-position)))
    ;; Its documentation is read.
    (session-set-line "  services.nginx.enable = true;")
    (search-backward "enable")
    (let ((found (jsonrpc-request (eglot-current-server) :textDocument/hover
                                  (eglot--TextDocumentPositionParams))))
      (session-tell "documentation: %s" (plist-get (plist-get found :contents) :value)))
    ;; Its declaration is jumped to.
    (xref-find-definitions (xref-backend-identifier-at-point 'eglot))
    (session-tell "declared: %s: %s" (buffer-file-name)
                  (string-trim (buffer-substring (line-beginning-position) (line-end-position))))
    (switch-to-buffer buffer)
    ;; A value of the wrong type is an error until it is mended.
    (session-set-line "  services.nginx.enable = \"no\";")
    (session-wait "the error" #'session-errors)
    (let ((first (car (session-errors))))
      (session-tell "error: line %d: %s"
                    (line-number-at-pos (flymake-diagnostic-beg first))
                    (flymake-diagnostic-text first)))
    (session-set-line "  services.nginx.enable = false;")
    (session-wait "the error's end" (lambda () (null (session-errors))))
    (session-tell "no error")
    (set-buffer-modified-p nil)
    (eglot-shutdown (eglot-current-server) nil 10)))

(condition-case problem
    (session-run)
  (error (session-tell "failed: %S" problem)))
(kill-emacs 0)
