-- One session of Neovim with the server: what a person sees of it goes to a file, line by line.
-- SERVER, FOLDER and REPORT come from the environment.

local folder = os.getenv("FOLDER")
local report = assert(io.open(os.getenv("REPORT"), "w"))
local patience = 60000

local function tell(what)
  report:write(what, "\n")
  report:flush()
end

local function wait(what, is_there)
  if not vim.wait(patience, is_there, 50) then
    tell("waited in vain: " .. what)
    vim.cmd("qall!")
  end
end

local function session()
  vim.o.hidden = true
  vim.cmd("edit " .. folder .. "/configuration.nix")
  local buffer = vim.api.nvim_get_current_buf()
  local client = vim.lsp.start_client({
    name = "nivis",
    cmd = { os.getenv("SERVER"), "lsp" },
    root_dir = folder,
    get_language_id = function() return "nix" end,
  })
  vim.lsp.buf_attach_client(buffer, client)
  wait("the server", function()
    local found = vim.lsp.get_client_by_id(client)
    return found ~= nil and found.initialized
  end)
  tell("open: " .. vim.lsp.get_client_by_id(client).name)

  local function set_line(text)
    vim.api.nvim_buf_set_lines(buffer, 2, 3, false, { text })
    vim.api.nvim_win_set_cursor(0, { 3, #text })
  end

  -- An option is completed as its name is typed.
  set_line("  services.nginx.recommendedO")
  local params = vim.lsp.util.make_position_params(0, "utf-16")
  local answers = vim.lsp.buf_request_sync(buffer, "textDocument/completion", params, patience)
  local items = vim.lsp.util.extract_completion_items(answers[client].result)
  for _, item in ipairs(items) do
    if item.label == "recommendedOptimisation" then
      vim.lsp.util.apply_text_edits({ item.textEdit }, buffer, "utf-16")
    end
  end
  tell("completed:" .. vim.api.nvim_buf_get_lines(buffer, 2, 3, false)[1])

  -- Its documentation is read in a floating window.
  set_line("  services.nginx.enable = true;")
  vim.api.nvim_win_set_cursor(0, { 3, 20 })
  vim.lsp.buf.hover()
  local floating
  wait("the documentation", function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= "" then
        floating = window
        return true
      end
    end
    return false
  end)
  local shown = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(floating), 0, -1, false)
  tell("documentation: " .. table.concat(shown, " "))
  vim.api.nvim_win_close(floating, true)

  -- Its declaration is jumped to.
  vim.lsp.buf.definition()
  wait("the declaration", function() return vim.api.nvim_get_current_buf() ~= buffer end)
  local line = vim.api.nvim_get_current_line()
  tell("declared: " .. vim.api.nvim_buf_get_name(0) .. ": " .. vim.trim(line))
  vim.api.nvim_set_current_buf(buffer)

  -- A value of the wrong type is an error until it is mended.
  local function errors()
    return vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.ERROR })
  end
  set_line('  services.nginx.enable = "no";')
  wait("the error", function() return #errors() > 0 end)
  local first = errors()[1]
  tell("error: line " .. first.lnum + 1 .. ": " .. first.message:gsub("\n", " "))
  set_line("  services.nginx.enable = false;")
  wait("the error's end", function() return #errors() == 0 end)
  tell("no error")
end

local is_done, problem = pcall(session)
if not is_done then
  tell("failed: " .. tostring(problem))
end
vim.lsp.stop_client(vim.lsp.get_active_clients())
report:close()
vim.cmd("qall!")
